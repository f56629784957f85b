// A small file system of its own, in memory, that a test can fill. Needs root.
#pragma once

#include <cstdint>
#include <string>

namespace raftmq::testing {

// Unmounted at the end, whoever still uses it.
class SmallDisk {
 public:
  // Whether this process may mount one.
  static bool CanBeMade();

  // At `path`, which is made. Ends the test by an exception if it cannot be mounted.
  SmallDisk(std::string path, std::uint64_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  std::uint64_t FreeBytes() const;
  // A file of the test's own takes all but so much.
  void FillUpTo(std::uint64_t left_bytes);
  void RemoveFilling();

 private:
  std::string Filling() const { return path_ + "/filling"; }
  const std::string path_;
};

}  // namespace raftmq::testing
