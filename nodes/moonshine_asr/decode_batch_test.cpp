#include "nodes/moonshine_asr/decode_batch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "millrace/inference/model_store.hpp"

namespace millrace::nodes {
namespace {

using inference::OnnxModel;
using inference::Tensor;

constexpr std::size_t kSecond = 16'000;
constexpr std::int64_t kWidth = 288;

const OnnxModel& decoder() {
  static const auto loaded = OnnxModel::load(
      inference::ModelStore::locate().find("moonshine_decoder").value(), inference::Shapes::many);
  return *loaded.value();
}

const DecoderSlots& slots() {
  static const auto found = DecoderSlots::find(decoder());
  return found.value();
}

/// As an encoder might give it: normal numbers.
std::vector<float> noise(std::size_t columns) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> made(columns * kWidth);
  for (float& x : made) x = normal(random);
  return made;
}

Tensor row_of(std::span<float> columns) {
  return Tensor::view(columns, std::array<std::int64_t, 3>{
                                   1, static_cast<std::int64_t>(columns.size()) / kWidth, kWidth});
}

std::vector<std::int32_t> steps(DecodeBatch& batch, std::size_t row, std::size_t count) {
  std::vector<std::int32_t> said;
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(batch.step(nullptr));
    said.push_back(batch.token(row));
  }
  return said;
}

std::vector<std::size_t> seconds(std::initializer_list<std::size_t> list) {
  std::vector<std::size_t> frames;
  for (const std::size_t s : list) frames.push_back(s * kSecond);
  return frames;
}

TEST(GroupSizes, KeepTogetherWhatIsAboutAsLong) {
  EXPECT_EQ(group_sizes(seconds({2, 2, 3, 3, 3, 4})), (std::vector<std::size_t>{6}));
  EXPECT_TRUE(group_sizes({}).empty());
}

TEST(GroupSizes, LeaveOneLongRequestToItself) {
  auto frames = seconds({2, 2, 2, 2, 2, 2, 30});

  EXPECT_EQ(group_sizes(frames), (std::vector<std::size_t>{6, 1}));
}

TEST(GroupSizes, EndBeforeAPieceOverFourTimesAsLong) {
  EXPECT_EQ(group_sizes(seconds({1, 4})), (std::vector<std::size_t>{2}));
  EXPECT_EQ(group_sizes(seconds({1, 5})), (std::vector<std::size_t>{1, 1}));
}

TEST(GroupSizes, EndBeforeThePaddingCostsMoreThanAnotherGroup) {
  EXPECT_EQ(group_sizes(seconds({3, 3, 3, 7})), (std::vector<std::size_t>{4}));
  EXPECT_EQ(group_sizes(seconds({3, 3, 3, 8})), (std::vector<std::size_t>{3, 1}));
}

TEST(GroupSizes, BoundTheMemoryOfOneGroup) {
  EXPECT_EQ(group_sizes(std::vector<std::size_t>(9, 30 * kSecond)),
            (std::vector<std::size_t>{4, 4, 1}));
  EXPECT_EQ(group_sizes(std::vector<std::size_t>(70, kSecond)),
            (std::vector<std::size_t>{DecodeBatch::kMaxRows, DecodeBatch::kMaxRows, 6}));
}

TEST(GroupSizes, LoseNoPieceOfAnyLengths) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::size_t> frames(random() % 50);
    for (auto& length : frames) length = kSecond / 2 + random() % (30 * kSecond);
    std::ranges::sort(frames);

    const auto sizes = group_sizes(frames);

    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), frames.size());
    for (const auto size : sizes) EXPECT_GT(size, 0U);
  }
}

TEST(DecodeBatch, SaysTheSameInEveryRowThatHearsTheSame) {
  auto sound = noise(60);
  std::vector<Tensor> one;
  one.push_back(row_of(sound));
  std::vector<Tensor> four;
  for (int i = 0; i < 4; ++i) four.push_back(row_of(sound));
  DecodeBatch alone(decoder(), slots(), one);
  DecodeBatch together(decoder(), slots(), four);
  const auto said = steps(alone, 0, 6);

  for (const auto token : said) {
    ASSERT_TRUE(together.step(nullptr));
    for (std::size_t row = 0; row < 4; ++row) EXPECT_EQ(together.token(row), token);
  }
}

TEST(DecodeBatch, DoesNotHearItsPadding) {
  auto sound = noise(60);
  auto longer = noise(140);
  std::vector<Tensor> rows;
  rows.push_back(row_of(sound));
  rows.push_back(row_of(longer));
  DecodeBatch alone(decoder(), slots(), std::span(rows).first(1));
  DecodeBatch padded(decoder(), slots(), rows);

  padded.drop(1);

  EXPECT_EQ(steps(padded, 0, 8), steps(alone, 0, 8));
}

TEST(DecodeBatch, GoesOnUnchangedWhenRowsLeave) {
  auto sound = noise(60);
  std::vector<Tensor> rows;
  for (int i = 0; i < 5; ++i) rows.push_back(row_of(sound));
  DecodeBatch alone(decoder(), slots(), std::span(rows).first(1));
  DecodeBatch together(decoder(), slots(), rows);
  const auto said = steps(alone, 0, 8);

  for (std::size_t i = 0; i < said.size(); ++i) {
    ASSERT_TRUE(together.step(nullptr));
    for (std::size_t row = 0; row < together.rows(); ++row)
      EXPECT_EQ(together.token(row), said[i]) << i;
    if (together.rows() > 1) together.drop(i % together.rows());
  }
  EXPECT_EQ(together.rows(), 1U);
}

TEST(DecodeBatch, GivesTheLastRowTheNumberOfTheOneThatLeaves) {
  auto first = noise(60);
  auto last = noise(90);
  std::ranges::reverse(last);
  std::vector<Tensor> rows;
  rows.push_back(row_of(first));
  rows.push_back(row_of(last));
  DecodeBatch batch(decoder(), slots(), rows);
  DecodeBatch alone(decoder(), slots(), std::span(rows).last(1));

  batch.drop(0);

  ASSERT_EQ(batch.rows(), 1U);
  EXPECT_EQ(steps(batch, 0, 5), steps(alone, 0, 5));
}

}  // namespace
}  // namespace millrace::nodes
