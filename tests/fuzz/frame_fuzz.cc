// Frame reader and message decoder on arbitrary bytes. The first byte of an input chooses: even,
// the rest is a stream that arrives in chunks (the byte's other bits say how large); odd, the rest
// is the message of a frame, since random bytes would not get past the frame's check.
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "protocol/types/check.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"

namespace raftmq::wire {
namespace {

struct Outcome {
  std::vector<std::size_t> frame_bytes;
  ErrorCode error = ErrorCode::kOk;
  bool operator==(const Outcome&) const = default;
};

// A message that was understood says the same after a second journey.
void DecodeAndEncode(ByteSpan message) {
  std::uint64_t request_id = 0;
  const auto first = DecodeMessage(message, &request_id);
  if (!first) {
    RAFTMQ_CHECK(!first.error().message.empty());
    return;
  }
  RAFTMQ_CHECK(first->request_id == request_id);
  const SharedBytes head = EncodeHead(*first, 0);
  const auto second = DecodeMessage(head.view().subspan(kFrameHeaderBytes), &request_id);
  RAFTMQ_CHECK(second);
  const auto* error = std::get_if<ErrorReply>(&first->body);
  const bool is_cut = error != nullptr && error->error.message.size() > kErrorTextBytesMax;
  if (!is_cut && !std::holds_alternative<MetadataReply>(first->body)) {
    RAFTMQ_CHECK(second->body == first->body);
  }
}

Outcome ReadStream(ByteSpan stream, std::size_t chunk_bytes) {
  Outcome outcome;
  FrameReader reader(kFrameBytesMaxDefault);
  for (std::size_t at = 0; at < stream.size();) {
    const MutableByteSpan room = reader.PrepareRead();
    const std::size_t count = std::min({room.size(), chunk_bytes, stream.size() - at});
    RAFTMQ_CHECK(count > 0);
    std::memcpy(room.data(), stream.data() + at, count);
    reader.Commit(count);
    at += count;
    RAFTMQ_CHECK(reader.held_bytes() <= 2 * at + (64u << 10));
    while (true) {
      const auto next = reader.Next();
      if (!next) {
        outcome.error = next.error().code;
        return outcome;
      }
      if (!*next) break;
      outcome.frame_bytes.push_back((*next)->buffer.size());
      DecodeAndEncode((*next)->message());
    }
  }
  return outcome;
}

}  // namespace
}  // namespace raftmq::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftmq;
  if (size == 0) return 0;
  const ByteSpan rest = std::as_bytes(std::span(data + 1, size - 1));
  if (data[0] % 2 == 1) {
    wire::DecodeAndEncode(rest);
    return 0;
  }
  const std::size_t chunk_bytes = std::size_t{data[0]} / 2 + 1;
  RAFTMQ_CHECK(wire::ReadStream(rest, chunk_bytes) == wire::ReadStream(rest, SIZE_MAX));
  return 0;
}
