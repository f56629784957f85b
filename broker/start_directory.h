// What a start looks at in the data directory before there is a shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/broker_options.h"
#include "broker/catalogue_state.h"
#include "protocol/types/membership.h"
#include "raftlog/group_factory.h"
#include "raftmq/result.h"
#include "segment/node_manifest.h"

namespace raftmq::broker {

// What a start has of the catalogue.
struct CatalogueAtStart {
  std::unique_ptr<OpenedLog> log;  // Null: this node's replica is lost.
  ReplicaNumber lost;              // Then: its number, and what is wrong with it.
  std::string loss;
};

// Checks partitions/ (no links, fifos or devices), then opens the catalogue's log; founds it if
// there is no partition at all and there never was one. If there are other nodes, what is left of a
// lost replica is kept as <directory>.lost, in place of an earlier one, before anybody hears that
// it is lost: it must not come back. Blocks. Errors: kForeignDirectory, kUnknownFormat, kIoError;
// kDataCorrupt, of a node that is alone.
Result<CatalogueAtStart> OpenCatalogueLog(FileSystem& files, NodeManifest& manifest,
                                          const BrokerOptions& options);

// Of a directory that was admitted in the place of another, or whose replica of the catalogue was
// lost: the catalogue is founded again as the replica of that number, which joins. Blocks. May be
// called again after an error or a crash. Errors: kDiskFull, kIoError.
Result<std::unique_ptr<OpenedLog>> FoundCatalogueAnew(FileSystem& files, NodeManifest& manifest,
                                                      const BrokerOptions& options,
                                                      ReplicaNumber number);

// Who voted when the cluster was founded: those in the catalogue's group and those whose data
// directories, or replicas of the catalogue, are gone. kBadConfig if they are not the nodes
// configured.
Status CheckFounders(const Membership& membership, const CatalogueState& state,
                     const BrokerOptions& options);

// Directories in partitions/, and lines of the manifest, that the catalogue does not list.
struct Leftovers {
  std::vector<GroupId> deleted;      // Their topics were deleted: a crash came before the removal.
  std::vector<std::string> unknown;  // Nobody knows them: left alone.
};
// Pure. `listed`: in the node's manifest.
Leftovers FindLeftovers(const std::vector<DirectoryEntry>& entries,
                        const std::vector<GroupId>& listed, const CatalogueState& state);

}  // namespace raftmq::broker
