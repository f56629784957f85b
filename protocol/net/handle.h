// Owns one libuv handle. libuv needs a handle's memory until its close callback has run; so the
// owner only lets go, and the memory dies by itself in that callback.
#pragma once

#include <uv.h>

#include <utility>

namespace raftmq {

// Loop-affine. `Uv` is uv_timer_t, uv_poll_t, ... After Reset no callback of the handle but the
// close callback runs, so uv->data may point to the owner.
template <class Uv>
class Handle {
 public:
  Handle() = default;
  ~Handle() { Reset(); }
  Handle(Handle&& other) noexcept : uv_(std::exchange(other.uv_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    Reset();
    uv_ = std::exchange(other.uv_, nullptr);
    return *this;
  }

  // `init(Uv*)` is the uv_*_init call; its result is returned. REQUIRES: no handle is held.
  template <class Init>
  int Open(void* owner, Init init) {
    Uv* const uv = new Uv();
    if (const int code = init(uv); code != 0) {
      delete uv;
      return code;
    }
    uv->data = owner;
    uv_ = uv;
    return 0;
  }
  void Reset() {
    Uv* const uv = std::exchange(uv_, nullptr);
    if (uv == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(uv),
             [](uv_handle_t* closed) { delete reinterpret_cast<Uv*>(closed); });
  }
  Uv* get() const { return uv_; }
  explicit operator bool() const { return uv_ != nullptr; }

 private:
  Uv* uv_ = nullptr;
};

}  // namespace raftmq
