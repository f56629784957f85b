#include "tests/raftlog/group_world.h"

namespace raftmq {

void GroupWorld::Open() {
  if (files.entries.empty()) files.Found();
  shard = std::make_unique<Shard>(cache_bytes_);
  const GroupDeps deps{.files = no_files,
                       .clock = clock,
                       .disk = shard->disk,
                       .work = shard->work,
                       .cache = shard->cache,
                       .metrics = metrics};
  group = MakeGroup(options, deps, OpenFake(files));
}

}  // namespace raftmq
