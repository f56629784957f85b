#include "tests/broker/small_disk.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tests/broker/broker_process.h"

namespace raftmq::testing {
namespace {

bool Mount(const std::string& path, std::uint64_t bytes) {
  const std::string size = "size=" + std::to_string(bytes);
  return mount("raftmq-test", path.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

}  // namespace

bool SmallDisk::CanBeMade() {
  const TemporaryDirectory place;
  if (!Mount(place.path(), 1u << 20)) return false;
  umount2(place.path().c_str(), MNT_DETACH);
  return true;
}

SmallDisk::SmallDisk(std::string path, std::uint64_t bytes) : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
  if (!Mount(path_, bytes)) throw std::runtime_error("mount: " + std::string(strerror(errno)));
}

SmallDisk::~SmallDisk() { umount2(path_.c_str(), MNT_DETACH); }

std::uint64_t SmallDisk::FreeBytes() const { return std::filesystem::space(path_).available; }

void SmallDisk::FillUpTo(std::uint64_t left_bytes) {
  const int file = open(Filling().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::uint64_t free_bytes = FreeBytes();
  const bool fits = free_bytes > left_bytes;
  const int failed =
      fits ? posix_fallocate(file, 0, static_cast<off_t>(free_bytes - left_bytes)) : 0;
  close(file);
  if (file < 0 || failed != 0) throw std::runtime_error("the disk cannot be filled");
}

void SmallDisk::RemoveFilling() { std::filesystem::remove(Filling()); }

}  // namespace raftmq::testing
