#pragma once

namespace millrace::metrics {

/// Metrics are compiled out with -DMILLRACE_NO_METRICS=1, so that their cost can be measured: every
/// record() and add() is then empty and every reading 0. What decisions depend on is never a
/// metric.
#if defined(MILLRACE_NO_METRICS) && MILLRACE_NO_METRICS
inline constexpr bool kEnabled = false;
#else
inline constexpr bool kEnabled = true;
#endif

}  // namespace millrace::metrics
