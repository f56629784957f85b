// Records that own what they hold, and batches made of them, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/record.h"

namespace raftmq {

struct OwnedRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::int64_t timestamp_ms = 0;

  bool operator==(const OwnedRecord&) const = default;

  static OwnedRecord From(const RecordView& view) {
    OwnedRecord record{.key = Owned(view.key), .value = Owned(view.value)};
    for (const RecordHeader& header : view.headers)
      record.headers.emplace_back(header.name, Owned(header.value));
    record.timestamp_ms = view.timestamp_ms;
    return record;
  }
  // Without headers: they need a place to stand in.
  Record View() const {
    return {.key = Borrowed(key), .value = Borrowed(value), .timestamp_ms = timestamp_ms};
  }
  static std::optional<std::string> Owned(const std::optional<std::string_view>& text) {
    if (!text) return std::nullopt;
    return std::string(*text);
  }
  static std::optional<std::string_view> Borrowed(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return *text;
  }
};

inline std::vector<RecordHeader> HeadersOf(const OwnedRecord& record) {
  std::vector<RecordHeader> headers;
  for (const auto& [name, value] : record.headers)
    headers.push_back({name, OwnedRecord::Borrowed(value)});
  return headers;
}

inline bool AppendTo(BatchBuilder* builder, const OwnedRecord& owned) {
  const std::vector<RecordHeader> headers = HeadersOf(owned);
  Record record = owned.View();
  record.headers = headers;
  return builder->Append(record);
}

// A sealed frame of the records.
inline ByteBuffer Build(const std::vector<OwnedRecord>& records, Codec codec = Codec::kNone) {
  BatchBuilder builder(kBatchBytesMax);
  for (const OwnedRecord& record : records) EXPECT_TRUE(AppendTo(&builder, record));
  return builder.Finish({.codec = codec});
}

}  // namespace raftmq
