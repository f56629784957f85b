// Feeds a FrameReader as a connection would.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/wire/frame.h"

namespace raftmq::wire {

// Puts the front of `bytes` where the reader wants it; returns how many it took.
inline std::size_t Put(FrameReader& reader, ByteSpan bytes) {
  const MutableByteSpan room = reader.PrepareRead();
  const std::size_t count = std::min(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), count);
  reader.Commit(count);
  return count;
}

// Takes every frame that is there; the error's code, or kOk.
inline ErrorCode TakeAll(FrameReader& reader, std::vector<Frame>* frames) {
  while (true) {
    auto next = reader.Next();
    if (!next) return next.error().code;
    if (!next->has_value()) return ErrorCode::kOk;
    frames->push_back(std::move(**next));
  }
}

// Feeds all bytes in chunks of chunk() bytes at most, and takes the frames after each.
template <class Chunk>
ErrorCode Feed(FrameReader& reader, std::string_view bytes, Chunk chunk,
               std::vector<Frame>* frames) {
  while (!bytes.empty()) {
    bytes.remove_prefix(Put(reader, AsBytes(bytes.substr(0, chunk()))));
    if (const ErrorCode code = TakeAll(reader, frames); code != ErrorCode::kOk) return code;
  }
  return ErrorCode::kOk;
}

}  // namespace raftmq::wire
