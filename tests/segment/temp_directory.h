// A directory of one test's own on the real disk, removed with everything in it.
#pragma once

#include <filesystem>
#include <string>

namespace raftmq {

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::current_path() / "tmp-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace raftmq
