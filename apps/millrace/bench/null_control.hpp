#pragma once

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/metrics/histogram.hpp"

namespace millrace::app {

/// The null pipeline: for `span` a thread of the shard's priority sleeps to a deadline every
/// millisecond and records how late it wakes: what the machine costs by itself.
///   threads  control; returns when the thread has ended
///   units    nanoseconds
///   errors   unavailable when the system gives no thread
[[nodiscard]] base::Result<void> run_null_control(base::Duration span, metrics::Histogram& late);

}  // namespace millrace::app
