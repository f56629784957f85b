// A way between clients and brokers on which acks get lost: clients reach each broker through a
// door of this process (the address that the broker advertises), and now and then a connection
// breaks after a produce request has passed and before its answer does. Nothing is delayed or
// changed.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <thread>

#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/ids.h"
#include "protocol/types/split_mix.h"

namespace raftmq::testing {

// Thread-safe: everything runs on a loop of its own, and calls wait for it.
class AckKiller {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::uint32_t kills_per_mille = 0;  // Of the produce requests that pass.
  };
  struct Counts {
    std::uint64_t requests = 0;    // Produce requests that passed.
    std::uint64_t cut_behind = 0;  // Of these: cut at once, it may still take effect or not.
    std::uint64_t cut_before = 0;  // Cut when the answer came: it has taken effect, or was refused.
  };

  AckKiller(std::span<const NodeId> nodes, const Options& options);
  ~AckKiller();
  AckKiller(const AckKiller&) = delete;
  AckKiller& operator=(const AckKiller&) = delete;

  // Where clients find the node.
  Address Door(NodeId node) const { return doors_.at(node)->bound(); }
  // Where its door leads.
  void SetAddress(NodeId node, const Address& address);
  // From now on everything passes.
  void Relent();
  Counts counts();

 private:
  class Pipe;
  enum class Fate { kPasses, kCutBehind, kCutBefore };

  void OnLoop(const std::function<void()>& task);
  void Accept(NodeId node, int socket);
  Fate DrawFate();
  void Forget(Pipe* pipe);

  EventLoop loop_;
  std::map<NodeId, std::unique_ptr<Listener>> doors_;
  // All below belongs to the loop.
  std::map<NodeId, Address> addresses_;
  SplitMix random_;
  std::uint32_t kills_per_mille_;
  Counts counts_;
  std::list<std::unique_ptr<Pipe>> pipes_;
  std::thread thread_;
};

}  // namespace raftmq::testing
