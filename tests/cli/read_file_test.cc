#include "cli/read_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace raftmq::cli {
namespace {

// A file of these bytes, removed at the end.
class FileOf {
 public:
  explicit FileOf(const std::string& bytes)
      : path_(::testing::TempDir() + "/read_file_test." + std::to_string(::getpid())) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~FileOf() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

TEST(ReadFile, ReadsTheWholeFileUpToTheBound) {
  const std::string bytes(1'000'000, 'x');
  const FileOf file(bytes);
  EXPECT_EQ(ReadFile(file.path(), bytes.size()), bytes);
  EXPECT_EQ(ReadFile(file.path(), bytes.size() - 1).error().code, ErrorCode::kBatchTooLarge);
  EXPECT_EQ(ReadFile("/dev/null", 0), std::string());
}

TEST(ReadFile, WhatCannotBeReadIsAnErrorAndNotAnEmptyFile) {
  const auto directory = ReadFile(::testing::TempDir(), 100);
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, ErrorCode::kIoError);
  EXPECT_NE(directory.error().message.find("directory"), std::string::npos);
  EXPECT_EQ(ReadFile(::testing::TempDir() + "/not/there", 100).error().code, ErrorCode::kNotFound);
}

// Opening it works; its first page is not mapped, so reading fails.
TEST(ReadFile, AFailedReadIsAnError) {
  EXPECT_EQ(ReadFile("/proc/self/mem", 100).error().code, ErrorCode::kIoError);
}

}  // namespace
}  // namespace raftmq::cli
