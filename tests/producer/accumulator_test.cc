#include "producer/accumulator.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/types/message_id.h"

namespace raftmq::internal {
namespace {

Accumulator::Added Add(Accumulator& accumulator, std::string_view value) {
  Producer::SendCallback callback;
  return accumulator.Add({.value = value, .timestamp_ms = 1}, 10, callback);
}

TEST(Accumulator, TellsWhenABatchIsBegunAndWhenItIsFull) {
  Accumulator accumulator({.batch_bytes = 400});
  const std::string value(100, 'x');
  EXPECT_TRUE(Add(accumulator, value).opened);
  EXPECT_FALSE(Add(accumulator, value).opened);
  const auto third = Add(accumulator, value);
  EXPECT_TRUE(third.sealed);
  EXPECT_TRUE(third.opened);
  std::deque<OutgoingBatch> batches;
  EXPECT_FALSE(accumulator.Take(false, &batches));
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].callbacks.size(), 2u);
  EXPECT_EQ(batches[0].charge, 20u);
  EXPECT_TRUE(accumulator.Take(true, &batches));
  EXPECT_EQ(batches.size(), 2u);
  EXPECT_FALSE(accumulator.open_since().has_value());
}

TEST(Accumulator, GivesALargeMessageABatchOfItsOwnInOrder) {
  Accumulator accumulator({.batch_bytes = 400});
  Add(accumulator, "small");
  EXPECT_TRUE(Add(accumulator, std::string(5000, 'x')).sealed);
  Add(accumulator, "small");
  std::deque<OutgoingBatch> batches;
  accumulator.Take(true, &batches);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_GT(batches[1].frame.size(), 5000u);
  EXPECT_LT(batches[0].number, batches[1].number);
  EXPECT_LT(batches[1].number, batches[2].number);
}

TEST(Accumulator, AMessageWithAnIdTravelsAloneAndUncompressed) {
  Accumulator accumulator({.codec = Codec::kLz4});
  Add(accumulator, std::string(5000, 'x'));
  Producer::SendCallback callback;
  const std::string value(5000, 'y');
  const RecordHeader id{kMessageIdHeader, "order-1"};
  EXPECT_TRUE(accumulator
                  .AddAlone({.has_message_id = true},
                            {.value = value, .headers = {&id, 1}, .timestamp_ms = 1}, 10, callback)
                  .sealed);
  std::deque<OutgoingBatch> batches;
  accumulator.Take(true, &batches);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(ParseBatchHeader(batches[0].frame.view())->producer.codec, Codec::kLz4);
  const auto header = ParseBatchHeader(batches[1].frame.view());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->producer.codec, Codec::kNone);
  ASSERT_TRUE(header->producer.has_message_id);
  EXPECT_EQ(*MessageIdOf(header->producer, batches[1].frame.view().subspan(kBatchHeaderBytes)),
            MessageIdOf("order-1"));
}

TEST(Accumulator, NumbersRecordsAcrossBatches) {
  Accumulator accumulator({.batch_bytes = 400, .first = {SessionId(7), 1, 0xFFFFFFFF}});
  for (int i = 0; i < 3; ++i) Add(accumulator, std::string(100, 'x'));
  std::deque<OutgoingBatch> batches;
  accumulator.Take(true, &batches);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0].position, (SessionPosition{SessionId(7), 1, 0xFFFFFFFF}));
  EXPECT_EQ(batches[1].position, (SessionPosition{SessionId(7), 1, 1}));
  for (const OutgoingBatch& batch : batches) {
    const auto header = ParseBatchHeader(batch.frame.view());
    EXPECT_EQ(header->producer.session, SessionId(7));
    EXPECT_EQ(header->producer.session_epoch, 1u);
    EXPECT_EQ(header->producer.base_sequence, batch.position.sequence);
  }
}

TEST(Accumulator, GivesWhatWaitsAndWhatComesNewPositions) {
  Accumulator accumulator({.batch_bytes = 400, .first = {SessionId(7), 0, 0}});
  for (int i = 0; i < 5; ++i) Add(accumulator, std::string(100, 'x'));
  std::deque<OutgoingBatch> waiting;
  accumulator.Take(false, &waiting);
  ASSERT_EQ(waiting.size(), 2u);
  for (int i = 0; i < 2; ++i) Add(accumulator, std::string(100, 'x'));
  accumulator.Renumber({SessionId(9), 3, 100}, &waiting);
  ASSERT_EQ(waiting.size(), 3u);
  EXPECT_EQ(waiting[0].position, (SessionPosition{SessionId(9), 3, 100}));
  EXPECT_EQ(waiting[2].position, (SessionPosition{SessionId(9), 3, 104}));
  accumulator.Take(true, &waiting);
  EXPECT_EQ(waiting[3].position, (SessionPosition{SessionId(9), 3, 106}));
}

TEST(Accumulator, TakesNothingOnceClosed) {
  Accumulator accumulator({});
  accumulator.Close();
  EXPECT_TRUE(Add(accumulator, "late").closed);
}

}  // namespace
}  // namespace raftmq::internal
