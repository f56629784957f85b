// From the configuration as operators write it to what the broker's parts work by.
#pragma once

#include "broker/broker.h"
#include "broker/broker_options.h"
#include "broker/config/settings.h"

namespace raftmq::broker {

// `cores` stands in for a shard count that is not set.
BrokerOptions OptionsFrom(const BrokerSettings& settings, unsigned cores);
BrokerListeners ListenersFrom(const BrokerSettings& settings);
ScrubLimits ScrubLimitsFrom(const StorageSettings& storage);
DiskWatermarks WatermarksFrom(const BrokerSettings& settings);

}  // namespace raftmq::broker
