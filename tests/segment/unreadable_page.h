// A disk that cannot read one page of one file: a latent sector error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "segment/file_system.h"

namespace raftmq {

// `below` outlives it and what is opened through it.
class UnreadablePage final : public FileSystem {
 public:
  explicit UnreadablePage(FileSystem& below) : below_(below) {}

  // From now on: the page at byte `at` of the file.
  void Set(std::string path, std::uint64_t at) {
    path_ = std::move(path);
    at_ = at;
  }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    RAFTMQ_TRY_ASSIGN(auto file, below_.Open(path, mode));
    return std::unique_ptr<File>(std::make_unique<PageFile>(*this, std::move(file)));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return below_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return below_.Remove(path); }
  Status CreateDirectory(const std::string& path) override { return below_.CreateDirectory(path); }
  Status SyncDirectory(const std::string& path) override { return below_.SyncDirectory(path); }
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    return below_.List(path);
  }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return below_.Lock(path);
  }
  Result<std::uint64_t> FreeBytes(const std::string& path) override {
    return below_.FreeBytes(path);
  }
  Result<PathInfo> Inspect(const std::string& path) override { return below_.Inspect(path); }

 private:
  Status Meet(const std::string& path, std::uint64_t at, std::uint64_t count) const {
    if (path != path_ || at >= at_ + kPageBytes || at_ >= at + count) return Ok();
    return Fail(ErrorCode::kIoError, "cannot read '" + path + "': the page is bad");
  }

  // Its bytes must not be touched there: the test cannot see that they are not.
  class PageMap final : public FileMap {
   public:
    PageMap(const UnreadablePage& of, std::string path, std::unique_ptr<FileMap> below)
        : of_(of), path_(std::move(path)), below_(std::move(below)) {}
    ByteSpan bytes() const override { return below_->bytes(); }
    void AdviseSequential(bool) override {}
    bool IsResident(std::size_t at, std::size_t count) const override {
      return of_.Meet(path_, at, count).has_value();
    }
    Status Populate(std::size_t at, std::size_t count) override {
      return of_.Meet(path_, at, count);
    }

   private:
    const UnreadablePage& of_;
    const std::string path_;
    const std::unique_ptr<FileMap> below_;
  };

  class PageFile final : public File {
   public:
    PageFile(const UnreadablePage& of, std::unique_ptr<File> below)
        : of_(of), below_(std::move(below)) {}
    Status Write(std::uint64_t at, ByteSpan bytes) override { return below_->Write(at, bytes); }
    Status Read(std::uint64_t at, MutableByteSpan into) const override {
      RAFTMQ_TRY(of_.Meet(path(), at, into.size()));
      return below_->Read(at, into);
    }
    Status Sync() override { return below_->Sync(); }
    Status Allocate(std::uint64_t size) override { return below_->Allocate(size); }
    Status Zero(std::uint64_t at, std::uint64_t count) override { return below_->Zero(at, count); }
    Result<std::uint64_t> Size() const override { return below_->Size(); }
    Result<std::unique_ptr<FileMap>> Map() const override {
      RAFTMQ_TRY_ASSIGN(auto map, below_->Map());
      return std::unique_ptr<FileMap>(std::make_unique<PageMap>(of_, path(), std::move(map)));
    }
    bool IsDirect() const override { return below_->IsDirect(); }
    const std::string& path() const override { return below_->path(); }

   private:
    const UnreadablePage& of_;
    const std::unique_ptr<File> below_;
  };

  FileSystem& below_;
  std::string path_;
  std::uint64_t at_ = 0;
};

}  // namespace raftmq
