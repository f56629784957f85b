#include "protocol/net/write_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

std::string Gathered(const WriteQueue& queue, std::size_t entries) {
  std::array<iovec, 8> to;
  std::string text;
  const std::size_t used = queue.Gather(std::span(to).first(entries));
  for (std::size_t i = 0; i < used; ++i) {
    text.append(static_cast<const char*>(to[i].iov_base), to[i].iov_len);
  }
  return text;
}

TEST(WriteQueue, GathersInOrderAndNoMoreThanThereIsRoomFor) {
  WriteQueue queue;
  for (const char* text : {"ab", "", "cde", "f"}) queue.Push(Bytes(text));
  EXPECT_EQ(queue.bytes(), 6u);
  EXPECT_EQ(Gathered(queue, 8), "abcdef");
  EXPECT_EQ(Gathered(queue, 2), "abcde");
}

TEST(WriteQueue, ConsumesAcrossRunsAndWithinThem) {
  WriteQueue queue;
  for (const char* text : {"ab", "cde", "f"}) queue.Push(Bytes(text));
  queue.Consume(3);
  EXPECT_EQ(Gathered(queue, 8), "def");
  queue.Consume(1);
  EXPECT_EQ(Gathered(queue, 8), "ef");
  queue.Consume(2);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(Gathered(queue, 8), "");
}

TEST(WriteQueue, OwnersAreLetGoAsSoonAsTheirBytesAreWritten) {
  const auto owner = std::make_shared<std::string>("abcd");
  WriteQueue queue;
  queue.Push(SharedBytes(owner, AsBytes(*owner)));
  queue.Push(Bytes("more"));
  queue.Consume(3);
  EXPECT_EQ(owner.use_count(), 2);
  queue.Consume(1);
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(WriteQueue, RandomUseKeepsTheStream) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  WriteQueue queue;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0) {
      const std::string text = Pattern(random() % 20);
      queue.Push(Bytes(text));
      expected += text;
    } else {
      const std::string front = Gathered(queue, 1 + random() % 8);
      ASSERT_EQ(front, expected.substr(0, front.size()));
      const std::size_t count = front.empty() ? 0 : random() % (front.size() + 1);
      queue.Consume(count);
      expected.erase(0, count);
    }
    ASSERT_EQ(queue.bytes(), expected.size());
  }
}

}  // namespace
}  // namespace raftmq
