// A disk whose power a test can cut: an ext4 file system of its own, mounted from an image through
// a loop device (RELIABILITY.md T4).
//
// A cut is ext4's shutdown: from then on nothing reaches the disk and every sync fails. What was
// synced is there after the next mount, which replays the journal; of the rest what the page cache
// and the open transaction held is gone. Direct writes into blocks that were written before are on
// the disk at once, synced or not: what they lack is never seen here.
#pragma once

#include <string>

#include "tests/sim/choices.h"

namespace raftmq::testing {

// Mounts are made in a mount namespace of this process and its children, which takes them along
// when it ends, however it ends. Whatever fails ends the test by an exception.
class LoopDisk {
 public:
  // What a power cut finds on the disk besides what was synced.
  enum class Luck {
    kNone,     // Nothing.
    kJournal,  // The journal's open transaction.
    kSome,     // Some pages, and now and then one file and the transaction, in no order.
    kAll,
  };

  // Both paths are made. The image has holes where nothing is written.
  struct Paths {
    std::string image;
    std::string mount_point;
  };
  explicit LoopDisk(const Paths& paths);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  // Writes back what a cut with that luck finds; the cut itself follows as soon as possible.
  void PrepareCut(Luck luck, sim::Choices& choices);
  void CutPower(Luck luck);
  // REQUIRES: the power is cut, and nobody has a file open there.
  void PowerOn();
  // Everything is written, whatever the processes have synced.
  void Sync();

 private:
  void Mount();
  void Unmount();

  const Paths paths_;
  int root_ = -1;  // The mounted root directory.
};

// Why there are no such disks here: no root, no loop devices, ...; empty if there are.
std::string WhyNoLoopDisks();

}  // namespace raftmq::testing
