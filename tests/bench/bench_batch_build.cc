// Building sealed batches of 64 KiB from records, against hash + memcpy of the same payload bytes,
// both into reused buffers. Also reading them back, for information.
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "protocol/types/batch_validator.h"
#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "tests/bench/bench.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kBatchBytes = 64 << 10;
constexpr std::size_t kPoolBytes = 1 << 20;  // Messages as an application holds them, in cache.
constexpr int kBatchesPerCall = 64;

// Hands out the pool's bytes in runs, again and again.
class Pool {
 public:
  Pool() : bytes_(kPoolBytes, 'x') {}
  std::string_view Take(std::size_t bytes) {
    if (at_ + bytes > bytes_.size()) at_ = 0;
    const std::string_view run(bytes_.data() + at_, bytes);
    at_ += bytes;
    return run;
  }

 private:
  std::vector<char> bytes_;
  std::size_t at_ = 0;
};

// Fills the builder to its limit and returns the payload's bytes.
std::size_t Fill(BatchBuilder* builder, Pool* pool, std::size_t record_bytes) {
  std::int64_t now_ms = 1'700'000'000'000;
  std::size_t payload = 0;
  while (builder->Append({.value = pool->Take(record_bytes), .timestamp_ms = now_ms++}))
    payload += record_bytes;
  return payload;
}

Work BuildBatches(std::size_t record_bytes, bool count_records) {
  return [builder = std::make_shared<BatchBuilder>(kBatchBytes), pool = Pool(), record_bytes,
          count_records]() mutable {
    std::uint64_t done = 0;
    for (int i = 0; i < kBatchesPerCall; ++i) {
      const std::size_t payload = Fill(builder.get(), &pool, record_bytes);
      ByteBuffer frame = builder->Finish({.session = SessionId(1)});
      Keep(frame);
      builder->Recycle(std::move(frame));
      done += count_records ? payload / record_bytes : payload;
    }
    return done;
  };
}

Work HashAndCopy(std::size_t record_bytes, bool count_records) {
  BatchBuilder builder(kBatchBytes);
  Pool sizing;
  const std::size_t payload = Fill(&builder, &sizing, record_bytes);
  return [buffer = std::make_shared<ByteBuffer>(payload), pool = Pool(), payload, record_bytes,
          count_records]() mutable {
    std::uint64_t done = 0;
    for (int i = 0; i < kBatchesPerCall; ++i) {
      std::memcpy(buffer->data(), pool.Take(payload).data(), payload);
      Keep(Hash64(buffer->span()));
      done += count_records ? payload / record_bytes : payload;
    }
    return done;
  };
}

std::shared_ptr<ByteBuffer> OneBatch(std::size_t record_bytes) {
  BatchBuilder builder(kBatchBytes);
  Pool pool;
  Fill(&builder, &pool, record_bytes);
  return std::make_shared<ByteBuffer>(builder.Finish({}));
}

std::uint32_t RecordsIn(const ByteBuffer& frame) {
  return ParseBatchHeader(frame.span())->producer.record_count;
}

Work Hash(std::shared_ptr<ByteBuffer> frame) {
  return [frame, records = RecordsIn(*frame)] {
    for (int i = 0; i < kBatchesPerCall; ++i) Keep(Hash64(frame->span()));
    return std::uint64_t{records} * kBatchesPerCall;
  };
}

Work Validate(std::shared_ptr<ByteBuffer> frame) {
  return [frame] {
    std::uint64_t records = 0;
    for (int i = 0; i < kBatchesPerCall; ++i) {
      const auto header = ValidateBatch(frame->span());
      RAFTMQ_CHECK(header.has_value());
      records += header->producer.record_count;
    }
    return records;
  };
}

Work Read(std::shared_ptr<ByteBuffer> frame) {
  return [frame] {
    std::uint64_t records = 0;
    for (int i = 0; i < kBatchesPerCall; ++i) {
      const auto batch = OpenRecords(frame->span());
      RAFTMQ_CHECK(batch.has_value());
      BatchCursor cursor(*batch);
      while (const auto record = cursor.Next()) records += record->value.has_value() ? 1u : 0u;
    }
    return records;
  };
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  runner.Compare({.name = "batch_build",
                  .target = 0.6,
                  .baseline = HashAndCopy(1024, false),
                  .measured = BuildBatches(1024, false)});
  runner.Compare({.name = "batch_build_100B",
                  .unit = Unit::kOperations,
                  .baseline = HashAndCopy(100, true),
                  .measured = BuildBatches(100, true)});
  const auto frame = OneBatch(100);
  runner.Compare({.name = "batch_validate_100B",
                  .unit = Unit::kOperations,
                  .baseline = Hash(frame),
                  .measured = Validate(frame)});
  runner.Compare({.name = "batch_read_100B",
                  .unit = Unit::kOperations,
                  .baseline = Hash(frame),
                  .measured = Read(frame)});
  return 0;
}
