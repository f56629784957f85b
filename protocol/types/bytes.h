// Runs of bytes: borrowed (ByteSpan), owned by one (ByteBuffer), shared and immutable
// (SharedBytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Little-endian loads and stores at any alignment. REQUIRES: the bytes are there.
template <class T>
T LoadLittleEndian(const std::byte* from) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void StoreLittleEndian(std::byte* to, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(to, &value, sizeof value);
}

inline constexpr std::size_t AlignUp(std::size_t n, std::size_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}
inline constexpr std::size_t AlignDown(std::size_t n, std::size_t alignment) {
  return n / alignment * alignment;
}

// One heap block, not zeroed, owned by one, aligned to a cache line: hashing and copying whole
// frames is a quarter faster than from where plain new happens to put them. Move-only.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t size) : data_(Allocate(size)), size_(size), capacity_(size) {}
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  MutableByteSpan span() { return {data_.get(), size_}; }
  ByteSpan span() const { return {data_.get(), size_}; }
  // Says how many bytes of the block are in use; nothing moves. REQUIRES: size <= capacity().
  void Resize(std::size_t size) {
    RAFTMQ_CHECK(size <= capacity_);
    size_ = size;
  }

 private:
  friend class SharedBytes;  // Takes the block over without a copy.
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* block) const { ::operator delete(block, kAlignment); }
  };
  static std::byte* Allocate(std::size_t size) {
    return static_cast<std::byte*>(::operator new(size, kAlignment));
  }

  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// A view of bytes and a share in what keeps them alive (a received buffer, a mapped file).
// The bytes are immutable once shared; copies are cheap and may cross threads.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, ByteSpan view)
      : owner_(std::move(owner)), view_(view) {}
  explicit SharedBytes(ByteBuffer buffer) {
    const std::size_t size = buffer.size();
    std::shared_ptr<std::byte[]> block(std::move(buffer.data_));
    view_ = {block.get(), size};
    owner_ = std::move(block);
  }
  static SharedBytes Copy(ByteSpan bytes) {
    ByteBuffer buffer(bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
    return SharedBytes(std::move(buffer));
  }

  ByteSpan view() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  // A part of the same bytes. REQUIRES: at + count <= size().
  SharedBytes Slice(std::size_t at, std::size_t count) const {
    return {owner_, view_.subspan(at, count)};
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteSpan view_;
};

}  // namespace raftmq
