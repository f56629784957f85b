// Founding a data directory, cut off at any step.
#include <gtest/gtest.h>

#include "segment/memory_file_system.h"
#include "segment/node_directory.h"
#include "segment/operation_trace.h"

namespace raftmq {
namespace {

NodeDirectoryOptions Options(std::uint64_t incarnation) {
  return {.path = "/data",
          .cluster_id = "blue",
          .node = NodeId(3),
          .incarnation = incarnation,
          .may_found = true};
}

TEST(NodeDirectoryCrashTest, IsFoundedWholeOrNotAtAll) {
  MemoryFileSystem files;
  OperationTrace trace(&files);
  ASSERT_TRUE(OpenNodeDirectory(files, Options(1)).has_value());
  const std::size_t images = ForEachCrashImage(trace, {}, [&](const CrashImage& image) {
    MemoryFileSystem left(image.disk);
    const auto again = OpenNodeDirectory(left, Options(2));
    ASSERT_TRUE(again.has_value()) << image.what << ": " << again.error().ToString();
    EXPECT_EQ(again->identity.incarnation, again->is_new ? 2u : 1u) << image.what;
    EXPECT_FALSE(again->is_new && image.steps == trace.size()) << image.what;
  });
  EXPECT_GT(images, 20u);
}

}  // namespace
}  // namespace raftmq
