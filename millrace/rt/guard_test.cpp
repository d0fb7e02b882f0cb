#include "millrace/rt/guard.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "millrace/rt/mutex.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::rt {
namespace {

/// An allocation that no optimiser may take away.
void allocate_once() {
  void* volatile memory = ::operator new(100);
  ::operator delete(memory);
}

void lock_once() {
  Mutex mutex;
  const MutexLock lock(mutex);
}

TEST(Guard, WatchesAllocationsInThisProgram) {
  EXPECT_TRUE(allocations_watched());
}

TEST(RtScope, CountsAllocationsInsideAndNotOutside) {
  const auto before = rt_allocations();
  allocate_once();
  const auto outside = rt_allocations();

  EXPECT_EQ(outside, before);
  EXPECT_EQ(breaches_in(allocate_once), 1u);
  EXPECT_FALSE(in_rt_scope());
}

TEST(RtScope, CountsEveryKindOfOperatorNew) {
  struct alignas(128) Wide {
    char bytes[128];
  };

  const auto breaches = breaches_in([] {
    void* volatile plain = ::operator new(1);
    ::operator delete(plain);
    void* volatile many = ::operator new[](10);
    ::operator delete[](many);
    void* volatile quiet = ::operator new(10, std::nothrow);
    ::operator delete(quiet);
    void* volatile wide = ::operator new(sizeof(Wide), std::align_val_t{128});
    ::operator delete(wide, std::align_val_t{128});
  });

  EXPECT_EQ(breaches, 4u);
}

TEST(RtScope, CountsTheCFamilyWhereItIsWatched) {
  if (!locks_watched()) GTEST_SKIP() << "sanitizers own malloc";

  const auto breaches = breaches_in([] {
    void* volatile a = std::malloc(10);
    a = std::realloc(a, 1000);
    std::free(a);
    void* volatile b = std::calloc(2, 10);
    std::free(b);
    void* volatile c = std::aligned_alloc(64, 128);
    std::free(c);
  });

  EXPECT_EQ(breaches, 4u);
}

TEST(RtScope, CountsEveryLockOnce) {
  EXPECT_EQ(breaches_in(lock_once), 1u);

  const auto before = rt_locks();
  lock_once();
  EXPECT_EQ(rt_locks(), before);
}

TEST(RtScope, CountsForeignMutexesWhereTheyAreWatched) {
  if (!locks_watched()) GTEST_SKIP() << "sanitizers own pthread_mutex_lock";
  std::mutex foreign;

  EXPECT_EQ(breaches_in([&] {
              foreign.lock();
              foreign.unlock();
            }),
            1u);
}

TEST(RtScope, Nests) {
  EXPECT_FALSE(in_rt_scope());
  const auto before = rt_allocations();
  {
    const RtScope outer;
    {
      const RtScope inner;
    }
    EXPECT_TRUE(in_rt_scope());
    allocate_once();
  }
  const auto after = rt_allocations();
  allocate_once();

  EXPECT_EQ(after, before + 1);
  EXPECT_EQ(rt_allocations(), after);
  EXPECT_FALSE(in_rt_scope());
}

TEST(RtScope, IsOfItsOwnThreadOnly) {
  bool elsewhere = true;
  {
    auto other = std::make_unique<Thread>();
    const RtScope scope;
    const RtExempt starting_a_thread_allocates;
    auto started = Thread::start("other", [&] { elsewhere = in_rt_scope(); });
    ASSERT_TRUE(started.has_value());
    *other = std::move(*started);
    other->join();
  }

  EXPECT_FALSE(elsewhere);
}

TEST(RtExempt, CountsApartWhatForeignCodeDoes) {
  const auto allocations = exempt_allocations();
  const auto locks = exempt_locks();

  const auto breaches = breaches_in([] {
    {
      const RtExempt foreign;
      allocate_once();
      lock_once();
    }
    allocate_once();
  });

  EXPECT_EQ(breaches, 1u);
  EXPECT_EQ(exempt_allocations(), allocations + 1);
  EXPECT_EQ(exempt_locks(), locks + 1);
}

TEST(RtExempt, DoesNothingOutsideAScope) {
  const auto before = exempt_allocations();
  {
    const RtExempt foreign;
    allocate_once();
  }

  EXPECT_EQ(exempt_allocations(), before);
}

TEST(Guard, CountsAllAllocationsInAScopeOrNot) {
  const auto before = all_allocations();

  allocate_once();
  {
    const RtScope scope;
    allocate_once();
  }

  EXPECT_GE(all_allocations(), before + 2);
}

}  // namespace
}  // namespace millrace::rt
