// Writing and reading little-endian fields one after the other, for the small formats of this
// folder.
#pragma once

#include <concepts>
#include <vector>

#include "protocol/types/bytes.h"

namespace raftmq {

class ByteWriter {
 public:
  template <std::integral T>
  void Put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    StoreLittleEndian(bytes_.data() + at, value);
  }
  void PutBytes(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// Reads past the end give zeros and make ok() false: check once, after the last field.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}
  template <std::integral T>
  T Get() {
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    const T value = LoadLittleEndian<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  ByteSpan GetBytes(std::size_t count) {
    if (bytes_.size() < count) {
      ok_ = false;
      return {};
    }
    const ByteSpan head = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return head;
  }
  std::size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }

 private:
  ByteSpan bytes_;
  bool ok_ = true;
};

}  // namespace raftmq
