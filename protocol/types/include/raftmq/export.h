// What libraftmq shows of itself; everything else is compiled with hidden visibility.
#pragma once

#define RAFTMQ_EXPORT __attribute__((visibility("default")))
