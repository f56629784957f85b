#include "broker/canonical_bytes.h"

#include <fmt/format.h>

#include "protocol/types/check.h"

namespace raftmq::broker {

void CanonicalWriter::Text(std::string_view text) {
  RAFTMQ_CHECK(text.size() <= 0xFFFF);
  Number(static_cast<std::uint16_t>(text.size()));
  out_.append(text);
}

Result<std::string> CanonicalReader::Text() {
  RAFTMQ_TRY_ASSIGN(const std::uint16_t size, Number<std::uint16_t>());
  if (bytes_.size() - at_ < size) return Short(size);
  std::string text(AsText(bytes_.subspan(at_, size)));
  at_ += size;
  return text;
}

Status CanonicalReader::AtEnd() const {
  if (at_ == bytes_.size()) return Ok();
  return Fail(ErrorCode::kUnknownFormat, fmt::format("expected {} bytes, found {} more behind them",
                                                     at_, bytes_.size() - at_));
}

tl::unexpected<Error> CanonicalReader::Short(std::size_t wanted) const {
  return Fail(ErrorCode::kUnknownFormat, fmt::format("expected {} bytes at byte {}, found {}",
                                                     wanted, at_, bytes_.size() - at_));
}

}  // namespace raftmq::broker
