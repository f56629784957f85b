// The index file of a sealed segment, read whole.
#pragma once

#include <string>

#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/sparse_index.h"

namespace raftmq {

struct IndexFile {
  SparseIndex index;
  SparseIndex::Summary summary;
  bool operator==(const IndexFile&) const = default;
};

// Errors: kNotFound, kIoError; kDataCorrupt, kUnknownFormat: delete the file and rebuild it.
Result<IndexFile> ReadIndexFile(FileSystem& files, const std::string& path);

}  // namespace raftmq
