// The life of a disk in memory, step by step, and the images that a power cut could have left at
// each of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "segment/memory_disk.h"
#include "segment/memory_file_system.h"

namespace raftmq {

// Records each operation that changes a MemoryFileSystem, or makes something durable, with a
// snapshot of the disk after it; from construction to destruction. Begin a workload with it, and
// remember size() at each promise (an acked append, a finished cut): the promise holds for every
// crash image whose `steps` is at least that. Operations may come from any thread, one at a time.
class OperationTrace {
 public:
  // `files` must outlive it and has no other observer meanwhile.
  explicit OperationTrace(MemoryFileSystem* files);
  ~OperationTrace();
  OperationTrace(const OperationTrace&) = delete;
  OperationTrace& operator=(const OperationTrace&) = delete;

  // Operations so far.
  std::size_t size() const { return operations_.size(); }
  // REQUIRES: i < size().
  const DiskOperation& operation(std::size_t i) const { return operations_[i]; }
  // The disk after the first `steps` operations. REQUIRES: steps <= size().
  const MemoryDisk& DiskAfter(std::size_t steps) const { return disks_[steps]; }

 private:
  MemoryFileSystem* const files_;
  std::vector<DiskOperation> operations_;
  std::vector<MemoryDisk> disks_;  // One more than operations.
};

struct CrashImageOptions {
  std::uint64_t seed = 1;
  // About how many images to build over the whole trace, at most: each prefix gets its share.
  std::size_t images_max = 10'000;
  // A prefix whose unsynced changes number at most this gets all 2^n subsets, if its share allows.
  std::size_t subset_bits_max = 10;
  // Sampled images may also tear pages at sectors and garble sectors that were never synced.
  bool tear = true;
  bool garble = true;
};

struct CrashImage {
  std::size_t steps = 0;  // Operations that had been done when the power went.
  std::string what;       // For failure messages: the last operation and how the image was chosen.
  MemoryDisk disk;        // Give it to a MemoryFileSystem.
};

// Builds the images of every prefix of the trace, one after the other, each given to `check` once:
// all subsets of the unsynced changes where they are few, else seeded samples with "all lost" and
// "all kept" among them, and samples with torn pages on top. Images that were seen before with the
// same changes synced are left out. Returns how many were given.
std::size_t ForEachCrashImage(const OperationTrace& trace, const CrashImageOptions& options,
                              const std::function<void(const CrashImage&)>& check);

}  // namespace raftmq
