// One connection to a FakeBroker. Loop-affine.
#pragma once

#include <map>
#include <memory>

#include "protocol/wire/frame.h"
#include "tests/client/fake_broker.h"

namespace raftmq::testing {

class FakeSession final : public ConnectionHandler {
 public:
  FakeSession(FakeBroker& broker, std::unique_ptr<Connection> connection);

  MutableByteSpan PrepareRead() override { return reader_.PrepareRead(); }
  void OnRead(std::size_t count) override;
  void OnClosed(const Error&) override { broker_.Forget(this); }

  void PumpStreams();
  void Drop();  // Breaks the connection at once.

 private:
  struct Stream {
    GroupId group;
    std::uint64_t offset = 0;
    std::int64_t credit = 0;
    std::int64_t credit_total = 0;
    bool told_end = false;
  };

  void OnFrame(wire::Frame frame);
  void Judge(const std::shared_ptr<wire::Frame>& frame, const wire::Message& message);
  std::optional<wire::Body> Handle(const wire::Message& message, wire::Frame& frame);
  std::optional<wire::Body> HandleOther(const wire::Message& message);
  wire::Body Produce(const wire::ProduceRequest& request, wire::Frame& frame);
  wire::Body OpenSession(const wire::OpenSessionRequest& request);
  wire::Body Metadata(const wire::MetadataRequest& request) const;
  wire::Body CreateTopic(const wire::CreateTopicRequest& request);
  wire::Body ListOffsets(const wire::ListOffsetsRequest& request);
  std::optional<wire::ErrorReply> RefuseData(GroupId group);
  std::optional<wire::ErrorReply> RefusePosition(const wire::FetchRequest& request);
  void PumpStream(std::uint64_t id, Stream& stream);
  void Send(std::uint64_t request_id, wire::Body body, SharedBytes attachment = {});

  FakeBroker& broker_;
  std::unique_ptr<Connection> connection_;
  wire::FrameReader reader_;
  std::map<std::uint64_t, Stream> streams_;
  bool dropped_ = false;
};

}  // namespace raftmq::testing
