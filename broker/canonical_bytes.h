// Canonical bytes: little-endian integers of fixed width, strings with a 16-bit length. One value
// has one form, so that encodings can be compared and hashed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq::broker {

// Appends values to a growing string of bytes. Not thread-safe.
class CanonicalWriter {
 public:
  template <class T>
  void Number(T value) {
    static_assert(std::is_unsigned_v<T>);
    std::byte bytes[sizeof value];
    StoreLittleEndian(bytes, value);
    out_.append(reinterpret_cast<const char*>(bytes), sizeof value);
  }
  // REQUIRES: at most 65,535 bytes.
  void Text(std::string_view text);
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads them back. Borrows the bytes. Every error is kUnknownFormat and names the position.
class CanonicalReader {
 public:
  explicit CanonicalReader(ByteSpan bytes) : bytes_(bytes) {}

  template <class T>
  Result<T> Number() {
    static_assert(std::is_unsigned_v<T>);
    if (bytes_.size() - at_ < sizeof(T)) return Short(sizeof(T));
    const T value = LoadLittleEndian<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  Result<std::string> Text();
  // Fails if bytes are left.
  Status AtEnd() const;

 private:
  tl::unexpected<Error> Short(std::size_t wanted) const;

  ByteSpan bytes_;
  std::size_t at_ = 0;
};

}  // namespace raftmq::broker
