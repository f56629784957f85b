// Any bytes as a message on the peer port; what decodes encodes and decodes to the same.
#include <cstddef>
#include <cstdint>

#include "protocol/types/check.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/peer_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftmq;
  using namespace raftmq::wire;
  if (size == 0) return 0;
  // The first byte is the size of an attachment; a copy, so that a sanitizer sees reads behind it.
  ByteBuffer message(size - 1);
  for (std::size_t i = 1; i < size; ++i) message.data()[i - 1] = static_cast<std::byte>(data[i]);
  const auto decoded = DecodePeerMessage(message.span(), data[0]);
  if (!decoded) return 0;
  const SharedBytes head = EncodePeerHead(*decoded, data[0]);
  const auto again = DecodePeerMessage(head.view().subspan(kFrameHeaderBytes), data[0]);
  RAFTMQ_CHECK(again.has_value() && *again == *decoded);
  return 0;
}
