// The contract of segment/file_system.h, on the real disk and in memory.
#include "segment/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "segment/memory_file_system.h"
#include "segment/posix_file_system.h"
#include "tests/segment/temp_directory.h"

namespace raftmq {
namespace {

struct RealDisk {
  TempDirectory directory;
  PosixFileSystem files;
  std::string Path(const std::string& name) const { return directory / name; }
};

struct MemoryOnly {
  MemoryFileSystem files;
  std::string Path(const std::string& name) const { return "/" + name; }
};

// A page-aligned block, as direct files need it.
class AlignedBlock {
 public:
  AlignedBlock(std::size_t size, std::byte fill)
      : data_(static_cast<std::byte*>(std::aligned_alloc(kPageBytes, size))), size_(size) {
    std::fill_n(data_, size_, fill);
  }
  ~AlignedBlock() { std::free(data_); }
  AlignedBlock(const AlignedBlock&) = delete;
  AlignedBlock& operator=(const AlignedBlock&) = delete;
  MutableByteSpan span() { return {data_, size_}; }

 private:
  std::byte* const data_;
  const std::size_t size_;
};

template <class Disk>
class FileSystemTest : public testing::Test {
 protected:
  std::unique_ptr<File> Open(const std::string& name, OpenMode mode) {
    auto file = disk_.files.Open(disk_.Path(name), mode);
    EXPECT_TRUE(file.has_value()) << file.error().ToString();
    return file ? std::move(*file) : nullptr;
  }
  ErrorCode OpenError(const std::string& name, OpenMode mode) {
    const auto file = disk_.files.Open(disk_.Path(name), mode);
    return file ? ErrorCode::kOk : file.error().code;
  }
  std::string ReadText(const File& file, std::uint64_t at, std::size_t count) {
    std::string text(count, '?');
    EXPECT_TRUE(file.Read(at, std::as_writable_bytes(std::span(text))).has_value());
    return text;
  }
  Disk disk_;
};

using Disks = testing::Types<RealDisk, MemoryOnly>;
TYPED_TEST_SUITE(FileSystemTest, Disks);

TYPED_TEST(FileSystemTest, WhatIsWrittenIsRead) {
  const auto file = this->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(5000, AsBytes("hello")).has_value());
  EXPECT_EQ(*file->Size(), 5005u);
  EXPECT_EQ(this->ReadText(*file, 4999, 6), std::string("\0hello", 6));
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(this->ReadText(*this->Open("a", OpenMode::kRead), 5000, 5), "hello");
}

TYPED_TEST(FileSystemTest, ReadingPastTheEndIsAnError) {
  const auto file = this->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, AsBytes("hello")).has_value());
  std::byte into[6];
  const auto read = file->Read(0, into);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kIoError);
  EXPECT_NE(read.error().message.find(file->path()), std::string::npos);
}

TYPED_TEST(FileSystemTest, ModesSayWhatMustBeThere) {
  EXPECT_EQ(this->OpenError("a", OpenMode::kRead), ErrorCode::kNotFound);
  EXPECT_EQ(this->OpenError("a", OpenMode::kWrite), ErrorCode::kNotFound);
  EXPECT_EQ(this->OpenError("a", OpenMode::kDirect), ErrorCode::kNotFound);
  EXPECT_EQ(this->OpenError("a", OpenMode::kCreate), ErrorCode::kOk);
  EXPECT_EQ(this->OpenError("a", OpenMode::kCreate), ErrorCode::kAlreadyExists);
  EXPECT_EQ(this->OpenError("no/a", OpenMode::kCreate), ErrorCode::kNotFound);
  ASSERT_TRUE(this->disk_.files.CreateDirectory(this->disk_.Path("d")).has_value());
  EXPECT_EQ(this->OpenError("d", OpenMode::kRead), ErrorCode::kForeignDirectory);
  EXPECT_EQ(this->OpenError("d", OpenMode::kWrite), ErrorCode::kForeignDirectory);
}

TYPED_TEST(FileSystemTest, AFileOpenedForReadingIsNotWritten) {
  this->Open("a", OpenMode::kCreate);
  const auto file = this->Open("a", OpenMode::kRead);
  EXPECT_EQ(file->Write(0, AsBytes("x")).error().code, ErrorCode::kIoError);
}

TYPED_TEST(FileSystemTest, AllocatingExtendsWithZerosAndKeepsWhatIsThere) {
  const auto file = this->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, AsBytes("hello")).has_value());
  ASSERT_TRUE(file->Allocate(3 * kPageBytes).has_value());
  EXPECT_EQ(*file->Size(), 3 * kPageBytes);
  EXPECT_EQ(this->ReadText(*file, 0, 6), std::string("hello\0", 6));
  ASSERT_TRUE(file->Allocate(kPageBytes).has_value());
  EXPECT_EQ(*file->Size(), 3 * kPageBytes);
}

TYPED_TEST(FileSystemTest, ZeroingClearsJustTheRange) {
  const auto file = this->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, AsBytes(std::string(3 * kPageBytes, 'x'))).has_value());
  ASSERT_TRUE(file->Zero(10, 2 * kPageBytes).has_value());
  EXPECT_EQ(this->ReadText(*file, 9, 2), std::string("x\0", 2));
  EXPECT_EQ(this->ReadText(*file, 2 * kPageBytes + 9, 2), std::string("\0x", 2));
  EXPECT_EQ(*file->Size(), 3 * kPageBytes);
}

TYPED_TEST(FileSystemTest, DirectWritesAreSeenByBufferedReadsAndMaps) {
  {
    const auto file = this->Open("a", OpenMode::kCreate);
    ASSERT_TRUE(file->Allocate(4 * kPageBytes).has_value());
  }
  const auto direct = this->Open("a", OpenMode::kDirect);
  const auto map = direct->Map();
  ASSERT_TRUE(map.has_value());
  AlignedBlock block(2 * kPageBytes, std::byte{'y'});
  ASSERT_TRUE(direct->Write(kPageBytes, block.span()).has_value());
  ASSERT_TRUE(direct->Sync().has_value());
  EXPECT_EQ((*map)->bytes().size(), 4 * kPageBytes);
  EXPECT_EQ((*map)->bytes()[kPageBytes], std::byte{'y'});
  EXPECT_EQ((*map)->bytes()[kPageBytes - 1], std::byte{0});
  EXPECT_EQ(this->ReadText(*this->Open("a", OpenMode::kRead), 3 * kPageBytes - 1, 2),
            std::string("y\0", 2));
}

TYPED_TEST(FileSystemTest, AMapCanBePopulatedAndReleasedAndOutlivesTheName) {
  const auto file = this->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, AsBytes(std::string(2 * kPageBytes, 'z'))).has_value());
  const auto map = file->Map();
  ASSERT_TRUE(map.has_value());
  ASSERT_TRUE((*map)->Populate(100, 2 * kPageBytes - 100).has_value());
  EXPECT_TRUE((*map)->IsResident(0, 2 * kPageBytes));
  (*map)->Release(0, 2 * kPageBytes);
  (*map)->AdviseSequential(true);
  ASSERT_TRUE(this->disk_.files.Remove(this->disk_.Path("a")).has_value());
  EXPECT_EQ((*map)->bytes()[2 * kPageBytes - 1], std::byte{'z'});
}

TYPED_TEST(FileSystemTest, AnEmptyFileHasAnEmptyMap) {
  const auto map = this->Open("a", OpenMode::kCreate)->Map();
  ASSERT_TRUE(map.has_value());
  EXPECT_TRUE((*map)->bytes().empty());
  EXPECT_TRUE((*map)->Populate(0, 0).has_value());
}

TYPED_TEST(FileSystemTest, RenamingReplacesAndListsInOrder) {
  auto& files = this->disk_.files;
  ASSERT_TRUE(this->Open("b", OpenMode::kCreate)->Write(0, AsBytes("new")).has_value());
  ASSERT_TRUE(this->Open("a", OpenMode::kCreate)->Write(0, AsBytes("old")).has_value());
  ASSERT_TRUE(files.CreateDirectory(this->disk_.Path("c")).has_value());
  ASSERT_TRUE(files.Rename(this->disk_.Path("b"), this->disk_.Path("a")).has_value());
  EXPECT_EQ(this->ReadText(*this->Open("a", OpenMode::kRead), 0, 3), "new");
  const auto listed = files.List(this->disk_.Path(""));
  ASSERT_TRUE(listed.has_value());
  EXPECT_EQ(*listed,
            (std::vector<DirectoryEntry>{{"a", FileType::kRegular}, {"c", FileType::kDirectory}}));
  EXPECT_TRUE(files.SyncDirectory(this->disk_.Path("")).has_value());
  EXPECT_EQ(files.Rename(this->disk_.Path("no"), this->disk_.Path("x")).error().code,
            ErrorCode::kNotFound);
}

TYPED_TEST(FileSystemTest, RemovingNeedsAnEmptyDirectory) {
  auto& files = this->disk_.files;
  ASSERT_TRUE(files.CreateDirectory(this->disk_.Path("d")).has_value());
  EXPECT_EQ(files.CreateDirectory(this->disk_.Path("d")).error().code, ErrorCode::kAlreadyExists);
  this->Open("d/a", OpenMode::kCreate);
  EXPECT_FALSE(files.Remove(this->disk_.Path("d")).has_value());
  ASSERT_TRUE(files.Remove(this->disk_.Path("d/a")).has_value());
  ASSERT_TRUE(files.Remove(this->disk_.Path("d")).has_value());
  EXPECT_EQ(files.Remove(this->disk_.Path("d")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files.List(this->disk_.Path("d")).error().code, ErrorCode::kNotFound);
}

TYPED_TEST(FileSystemTest, ALockIsHeldByOneAndReleasedByItsDestructor) {
  auto& files = this->disk_.files;
  {
    const auto held = files.Lock(this->disk_.Path("LOCK"));
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(files.Lock(this->disk_.Path("LOCK")).error().code, ErrorCode::kLocked);
  }
  EXPECT_TRUE(files.Lock(this->disk_.Path("LOCK")).has_value());
}

TEST(PosixFileSystemTest, ALockedDirectoryNamesTheHolder) {
  RealDisk disk;
  const auto held = disk.files.Lock(disk.Path("LOCK"));
  EXPECT_NE(
      disk.files.Lock(disk.Path("LOCK")).error().message.find("pid " + std::to_string(getpid())),
      std::string::npos);
}

TEST(PosixFileSystemTest, LinksAndFifosAreNotOpened) {
  RealDisk disk;
  ASSERT_TRUE(disk.files.Open(disk.Path("a"), OpenMode::kCreate).has_value());
  ASSERT_EQ(symlink(disk.Path("a").c_str(), disk.Path("link").c_str()), 0);
  ASSERT_EQ(mkfifo(disk.Path("fifo").c_str(), 0600), 0);
  for (const char* const name : {"link", "fifo"}) {
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kWrite, OpenMode::kDirect}) {
      const auto opened = disk.files.Open(disk.Path(name), mode);
      ASSERT_FALSE(opened.has_value()) << name;
      EXPECT_EQ(opened.error().code, ErrorCode::kForeignDirectory) << opened.error().message;
    }
    EXPECT_EQ(disk.files.Inspect(disk.Path(name))->type, FileType::kOther);
  }
}

TYPED_TEST(FileSystemTest, InspectingNamesTypeAndOwner) {
  this->Open("a", OpenMode::kCreate);
  const auto info = this->disk_.files.Inspect(this->disk_.Path("a"));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->type, FileType::kRegular);
  EXPECT_TRUE(info->owned_by_us);
  EXPECT_EQ(this->disk_.files.Inspect(this->disk_.Path(""))->type, FileType::kDirectory);
  EXPECT_EQ(this->disk_.files.Inspect(this->disk_.Path("no")).error().code, ErrorCode::kNotFound);
  EXPECT_GT(*this->disk_.files.FreeBytes(this->disk_.Path("")), 0u);
}

}  // namespace
}  // namespace raftmq
