#include "protocol/wire/utf8.h"

namespace raftmq::wire {
namespace {

bool IsContinuation(unsigned char byte) { return (byte & 0xC0u) == 0x80u; }

// Bytes of the character at the front of `text`, 0 if there is no valid one. REQUIRES: not empty.
std::size_t CharacterBytes(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  std::size_t bytes = 0;
  if (lead >= 0xC2 && lead <= 0xDF) bytes = 2;
  if (lead >= 0xE0 && lead <= 0xEF) bytes = 3;
  if (lead >= 0xF0 && lead <= 0xF4) bytes = 4;
  if (bytes == 0 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(at(i))) return 0;
  }
  if (lead == 0xE0 && at(1) < 0xA0) return 0;   // Overlong.
  if (lead == 0xED && at(1) >= 0xA0) return 0;  // Surrogate.
  if (lead == 0xF0 && at(1) < 0x90) return 0;   // Overlong.
  if (lead == 0xF4 && at(1) >= 0x90) return 0;  // Above U+10FFFF.
  return bytes;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string BoundedUtf8(std::string_view text, std::size_t bytes_max) {
  std::string bounded;
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    if (bounded.size() + (bytes == 0 ? 1 : bytes) > bytes_max) break;
    if (bytes == 0) {
      bounded += '?';
      text.remove_prefix(1);
    } else {
      bounded.append(text.substr(0, bytes));
      text.remove_prefix(bytes);
    }
  }
  return bounded;
}

}  // namespace raftmq::wire
