#include "tests/faults/loop_disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "tests/broker/broker_process.h"

namespace raftmq::testing {
namespace {

namespace fs = std::filesystem;

constexpr off_t kImageBytes = 384 << 20;
constexpr int kLoopAttempts = 20;
// <linux/ext4.h> is not among the kernel's public headers.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kFlushAll = 0, kFlushJournal = 1, kFlushNothing = 2;

[[noreturn]] void Throw(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::strerror(error));
}

// Mounts of this thread and of those that it starts are no one else's, and end with them.
void LeaveMountNamespace() {
  static bool has_left = false;
  if (has_left) return;
  if (unshare(CLONE_NEWNS) != 0) Throw("a mount namespace (needs root)", errno);
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    Throw("make / private", errno);
  has_left = true;
}

void MakeFileSystem(const std::string& image) {
  const int file = open(image.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) Throw("create '" + image + "'", errno);
  const int error = ftruncate(file, kImageBytes) == 0 ? 0 : errno;
  close(file);
  if (error != 0) Throw("size '" + image + "'", error);
  const std::string command = "PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F '" + image + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("fails: " + command);
}

// A loop device over the file, which is free again as soon as nobody uses it.
int OpenLoopDevice(const std::string& image, std::string* path) {
  const int file = open(image.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) Throw("open '" + image + "'", errno);
  const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int error = control < 0 ? errno : EBUSY;
  int device = -1;
  // Somebody else may take the free one first.
  for (int attempt = 0; attempt < kLoopAttempts && error == EBUSY; ++attempt) {
    const int number = ioctl(control, LOOP_CTL_GET_FREE);
    *path = "/dev/loop" + std::to_string(number);
    device = number < 0 ? -1 : open(path->c_str(), O_RDWR | O_CLOEXEC);
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file);
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    error = device >= 0 && ioctl(device, LOOP_CONFIGURE, &config) == 0 ? 0 : errno;
    if (error != 0 && device >= 0) close(device);
  }
  if (control >= 0) close(control);
  close(file);
  if (error != 0) Throw("a loop device (" + *path + ")", error);
  return device;
}

std::vector<fs::path> FilesBelow(const std::string& directory) {
  std::vector<fs::path> files;
  std::error_code gone;  // The broker removes some meanwhile.
  for (fs::recursive_directory_iterator at(directory, gone), end; !gone && at != end;
       at.increment(gone)) {
    if (at->is_regular_file(gone)) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

void WriteBackSome(const fs::path& path, sim::Choices& choices) {
  constexpr off_t kPage = 4096;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const auto pages = static_cast<std::uint64_t>(lseek(file, 0, SEEK_END) / kPage + 1);
  const auto from = static_cast<off_t>(choices.Below(pages)) * kPage;
  const auto bytes = static_cast<off_t>(choices.Between(1, pages)) * kPage;
  sync_file_range(file, from, bytes,
                  SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  close(file);
}

}  // namespace

LoopDisk::LoopDisk(const Paths& paths) : paths_(paths) {
  LeaveMountNamespace();
  MakeFileSystem(paths_.image);
  fs::create_directory(paths_.mount_point);
  Mount();
}

LoopDisk::~LoopDisk() {
  if (root_ >= 0) close(root_);
  umount2(paths_.mount_point.c_str(), MNT_DETACH);
}

void LoopDisk::Mount() {
  std::string path;
  const int device = OpenLoopDevice(paths_.image, &path);
  const bool mounted = mount(path.c_str(), paths_.mount_point.c_str(), "ext4", 0, nullptr) == 0;
  const int error = errno;
  close(device);
  if (!mounted) Throw("mount '" + paths_.image + "' as ext4", error);
  root_ = open(paths_.mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root_ < 0) Throw("open '" + paths_.mount_point + "'", errno);
}

void LoopDisk::Unmount() {
  close(root_);
  root_ = -1;
  if (umount2(paths_.mount_point.c_str(), 0) != 0)
    Throw("unmount '" + paths_.mount_point + "'", errno);
}

void LoopDisk::PrepareCut(Luck luck, sim::Choices& choices) {
  if (luck != Luck::kSome) return;
  const std::vector<fs::path> files = FilesBelow(paths_.mount_point);
  for (const fs::path& file : files) {
    if (choices.PerMille(500)) WriteBackSome(file, choices);
  }
  if (files.empty() || choices.PerMille(500)) return;
  const int file = open(files[choices.Below(files.size())].c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

void LoopDisk::CutPower(Luck luck) {
  std::uint32_t flag = luck == Luck::kAll       ? kFlushAll
                       : luck == Luck::kJournal ? kFlushJournal
                                                : kFlushNothing;
  if (ioctl(root_, kExt4Shutdown, &flag) != 0) Throw("ext4's shutdown", errno);
}

void LoopDisk::PowerOn() {
  Unmount();
  Mount();
}

void LoopDisk::Sync() {
  if (syncfs(root_) != 0) Throw("sync '" + paths_.mount_point + "'", errno);
}

std::string WhyNoLoopDisks() {
  if (geteuid() != 0) return "needs root to mount disks of its own";
  try {
    const TemporaryDirectory scratch;
    LoopDisk disk({scratch.path() + "/image", scratch.path() + "/disk"});
    disk.CutPower(LoopDisk::Luck::kNone);
    disk.PowerOn();
  } catch (const std::exception& error) {
    return std::string("needs loop devices and ext4; what fails is ") + error.what();
  }
  return "";
}

}  // namespace raftmq::testing
