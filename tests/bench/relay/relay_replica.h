// A replica of the bare relay: one process, one loop, one disk thread. It receives frames, checks
// their hash, passes them on as they are, writes and syncs them, and says how many are safe.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/relay/relay_disk.h"
#include "tests/bench/relay/relay_frame.h"

namespace raftmq::bench {

class RelayReplica {
 public:
  struct Options {
    std::string path;  // Of its file.
    std::size_t payload_bytes = 0;
    int source = -1;             // The socket that frames come from and acks go to.
    std::vector<int> followers;  // Sockets; a frame is safe once a majority has synced it.
  };
  explicit RelayReplica(const Options& options);
  // Until the source is closed.
  void Run();

 private:
  struct Follower {
    int socket = -1;
    std::deque<std::shared_ptr<RelayBlock>> queue;
    std::size_t sent_of_first = 0;
    RelayAck synced = 0;
  };

  bool Receive();  // False at the end.
  void PassOn();
  void Send(Follower& follower);
  void TakeAck(Follower& follower);
  void AckSafe();

  RelayBlocks blocks_;
  const int source_;
  const int synced_event_;
  std::vector<Follower> followers_;
  RelayDisk disk_;
  std::shared_ptr<RelayBlock> incoming_;
  std::size_t received_ = 0;  // Of the frame that comes in, head included.
  RelayAck acked_ = 0;
};

}  // namespace raftmq::bench
