// Between what a group says to its peers and what goes over the wire.
#pragma once

#include "protocol/types/bytes.h"
#include "protocol/wire/peer_messages.h"
#include "raftlog/transport.h"
#include "raftmq/result.h"

namespace raftmq::broker {

wire::PeerItem ToItem(const PeerMessage& message);
// `attachment`: the item's part of the frame's. Errors: kBadBatch if it is not a row of whole
// padded frames. What is in the frames is for the group to check.
Result<PeerMessage> FromItem(const wire::PeerItem& item, const SharedBytes& attachment);

}  // namespace raftmq::broker
