#pragma once

/// Marks a function that must not allocate, lock, log, throw or make a system call. With clang 20
/// or newer it becomes [[clang::nonblocking]], which RealtimeSanitizer checks.
#if defined(__clang__) && __clang_major__ >= 20
#define MR_NONBLOCKING [[clang::nonblocking]]
#else
#define MR_NONBLOCKING
#endif

/// Clang thread-safety analysis; nothing with other compilers.
#if defined(__clang__)
#define MR_CAPABILITY(x) __attribute__((capability(x)))
#define MR_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define MR_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define MR_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define MR_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define MR_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#else
#define MR_CAPABILITY(x)
#define MR_SCOPED_CAPABILITY
#define MR_GUARDED_BY(x)
#define MR_REQUIRES(...)
#define MR_ACQUIRE(...)
#define MR_RELEASE(...)
#endif
