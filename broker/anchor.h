// References that know whether their object is still there, for callbacks that may come late.
#pragma once

#include <memory>

namespace raftmq::broker {

// Loop-affine, like the object it points to.
template <class T>
class AnchorRef {
 public:
  AnchorRef() = default;
  explicit AnchorRef(std::weak_ptr<T*> object) : object_(std::move(object)) {}
  // The object, or nullptr if it has been destroyed.
  T* get() const {
    const auto object = object_.lock();
    return object ? *object : nullptr;
  }

 private:
  std::weak_ptr<T*> object_;
};

// A member of the object that is referred to. Not copyable.
template <class T>
class Anchor {
 public:
  explicit Anchor(T* object) : object_(std::make_shared<T*>(object)) {}
  Anchor(const Anchor&) = delete;
  Anchor& operator=(const Anchor&) = delete;
  AnchorRef<T> Ref() const { return AnchorRef<T>(object_); }

 private:
  std::shared_ptr<T*> object_;
};

}  // namespace raftmq::broker
