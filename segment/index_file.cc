#include "segment/index_file.h"

#include "segment/segment_scan.h"

namespace raftmq {

Result<IndexFile> ReadIndexFile(FileSystem& files, const std::string& path) {
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files, path, false));
  RAFTMQ_TRY_ASSIGN(const ByteSpan whole, bytes.Get(0, static_cast<std::size_t>(bytes.size())));
  IndexFile file;
  RAFTMQ_TRY_ASSIGN(file.index, SparseIndex::Decode(whole, &file.summary));
  return file;
}

}  // namespace raftmq
