// Result<T> and Status: how everything in raftmq reports an operating error. Nothing throws.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "raftmq/error.h"

namespace raftmq {

// A value or an Error. Never call value(): it throws; test it, then use * or ->.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

// Return this from a function that returns Result<T> or Status.
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

inline Status Ok() { return {}; }

}  // namespace raftmq

// Leaves the function with the error of a Status or Result, or goes on.
#define RAFTMQ_TRY(expression)                                       \
  do {                                                               \
    if (auto raftmq_try_result = (expression); !raftmq_try_result) { \
      return ::raftmq::Fail(std::move(raftmq_try_result).error());   \
    }                                                                \
  } while (false)

#define RAFTMQ_TRY_CONCAT_(a, b) a##b
#define RAFTMQ_TRY_CONCAT(a, b) RAFTMQ_TRY_CONCAT_(a, b)
// RAFTMQ_TRY_ASSIGN(auto file, fs.Open(path)): declares or assigns the value, or leaves with the
// error.
#define RAFTMQ_TRY_ASSIGN(target, expression)                                           \
  auto RAFTMQ_TRY_CONCAT(raftmq_try_, __LINE__) = (expression);                         \
  if (!RAFTMQ_TRY_CONCAT(raftmq_try_, __LINE__)) {                                      \
    return ::raftmq::Fail(std::move(RAFTMQ_TRY_CONCAT(raftmq_try_, __LINE__)).error()); \
  }                                                                                     \
  target = std::move(*RAFTMQ_TRY_CONCAT(raftmq_try_, __LINE__))
