// A TCP client that sends exactly the bytes it is given, for requests no HTTP library would send.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace raftmq {

// One connection to 127.0.0.1. Every wait ends at the test's deadline of 20 s at the latest.
class RawHttpClient {
 public:
  explicit RawHttpClient(std::uint16_t port);
  ~RawHttpClient();
  RawHttpClient(const RawHttpClient&) = delete;
  RawHttpClient& operator=(const RawHttpClient&) = delete;

  // False if the peer closed before all bytes were taken.
  bool Send(std::string_view bytes);
  // Everything until the peer closes; sets timed_out() if it does not in time.
  std::string ReadToEnd();
  bool timed_out() const { return timed_out_; }

 private:
  int socket_ = -1;
  bool timed_out_ = false;
};

// Sends `request` on a connection of its own and returns the whole answer.
std::string Exchange(std::uint16_t port, std::string_view request);
// The number of "HTTP/1.1 404 Not Found"; 0 if there is none.
int StatusOf(std::string_view answer);

}  // namespace raftmq
