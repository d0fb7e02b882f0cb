#include "millrace/inference/onnx_session.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <thread>

#include "millrace/inference/model_store.hpp"

namespace millrace::inference {
namespace {

constexpr std::array<const char*, 3> kInputs{"input", "state", "sr"};
constexpr std::array<const char*, 2> kOutputs{"output", "stateN"};

std::filesystem::path silero_path() {
  const auto path = ModelStore::locate().find("silero_vad");
  EXPECT_TRUE(path) << path.error().text();
  return path.value_or("");
}

// shared: as OnnxModel::load
std::shared_ptr<const OnnxModel> silero() {
  auto model = OnnxModel::load(silero_path());
  EXPECT_TRUE(model) << model.error().text();
  return model.value_or(nullptr);
}

/// Memory and tensors for one window of silence.
struct OneWindow {
  std::array<float, 576> samples{};
  std::array<float, 256> state{};
  std::array<std::int64_t, 1> rate{16000};
  std::array<Tensor, 3> in;
  std::array<Tensor, 2> out;

  OneWindow() {
    in[0] = Tensor::view(std::span<float>(samples), std::array<std::int64_t, 2>{1, 576});
    in[1] = Tensor::view(std::span<float>(state), std::array<std::int64_t, 3>{2, 1, 128});
    in[2] = Tensor::view(std::span<std::int64_t>(rate), {});
  }
};

TEST(Tensor, IsAViewOnTheCallersMemory) {
  std::array<float, 6> data{1, 2, 3, 4, 5, 6};

  const auto tensor = Tensor::view(std::span<float>(data), std::array<std::int64_t, 2>{2, 3});

  EXPECT_EQ(tensor.floats().data(), data.data());
  EXPECT_EQ(tensor.floats().size(), 6U);
  EXPECT_EQ(tensor.shape(), (std::vector<std::int64_t>{2, 3}));
}

TEST(Tensor, MayHaveNoElements) {
  const auto tensor = Tensor::view(std::span<float>{}, std::array<std::int64_t, 4>{1, 8, 0, 36});

  EXPECT_FALSE(tensor.empty());
  EXPECT_TRUE(tensor.floats().empty());
  EXPECT_EQ(tensor.shape(), (std::vector<std::int64_t>{1, 8, 0, 36}));
}

TEST(Tensor, HasNoFloatsWhenItHoldsSomethingElse) {
  std::array<std::int64_t, 1> number{7};

  EXPECT_TRUE(Tensor::view(std::span<std::int64_t>(number), {}).floats().empty());
  EXPECT_TRUE(Tensor().floats().empty());
}

TEST(Tensor, IsEmptyAfterAMove) {
  std::array<bool, 1> flag{true};
  Tensor a = Tensor::view(std::span<bool>(flag), std::array<std::int64_t, 1>{1});

  Tensor b = Tensor::view(std::span<bool>(flag), std::array<std::int64_t, 1>{1});
  b = std::move(a);

  EXPECT_FALSE(b.empty());
  EXPECT_TRUE(a.empty()) << "an output moved from is made anew by the next run";
}

TEST(TensorDeathTest, RefusesAShapeThatDoesNotFitItsData) {
  std::array<float, 6> data{};

  EXPECT_DEATH(
      static_cast<void>(Tensor::view(std::span<float>(data), std::array<std::int64_t, 2>{2, 2})),
      "how many elements");
}

TEST(OnnxModel, KnowsItsInputsAndOutputs) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);

  EXPECT_TRUE(model->expect_names(kInputs, kOutputs));
  EXPECT_EQ(model->input_shape(1).size(), 3U);
  EXPECT_EQ(model->input_shape(1)[2], 128);
}

TEST(OnnxModel, SaysWhatItIsWhenOtherNamesAreExpected) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);

  const auto fits = model->expect_names(std::array{"audio"}, kOutputs);

  ASSERT_FALSE(fits);
  EXPECT_EQ(fits.error().code, base::Code::bad_peer_data);
  EXPECT_NE(fits.error().message.find("stateN"), std::string::npos);
  EXPECT_NE(fits.error().message.find("audio"), std::string::npos);
}

TEST(OnnxModel, IsLoadedOnceForAllWhoHoldIt) {
  const auto a = silero();
  const auto b = silero();

  EXPECT_EQ(a, b);
}

TEST(OnnxModel, WritesOutputsInPlaceOrMakesThem) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);
  OneWindow window;
  std::array<float, 1> probability{-1};
  window.out[0] = Tensor::view(std::span<float>(probability), std::array<std::int64_t, 2>{1, 1});

  const auto done = model->run(window.in, window.out);

  ASSERT_TRUE(done) << done.error().text();
  EXPECT_GE(probability[0], 0.0F);
  EXPECT_LT(probability[0], 0.5F) << "silence is not speech";
  EXPECT_EQ(window.out[1].shape(), (std::vector<std::int64_t>{2, 1, 128}));
}

TEST(OnnxModel, GivesTheSameOnManyThreadsAtOnce) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);
  std::array<float, 4> results{};
  {
    std::vector<std::jthread> threads;
    for (float& result : results) {
      threads.emplace_back([&model, &result] {
        for (int i = 0; i < 20; ++i) {
          OneWindow window;
          if (!model->run(window.in, window.out)) return;
          result = window.out[0].floats()[0];
        }
      });
    }
  }
  for (const float result : results) EXPECT_EQ(result, results[0]);
  EXPECT_GT(results[0], 0.0F);
}

TEST(OnnxModel, ReportsAStoppedRunAsCancelledUntilTheControlIsReset) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);
  OneWindow window;
  RunControl control;
  control.stop();

  const auto stopped = model->run(window.in, window.out, &control);

  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, base::Code::cancelled);
  control.reset();
  EXPECT_FALSE(control.stopped());
  EXPECT_TRUE(model->run(window.in, window.out, &control));
}

TEST(OnnxModel, ReportsShapesTheModelCannotTake) {
  const auto model = silero();
  ASSERT_NE(model, nullptr);
  OneWindow window;
  window.in[1] =
      Tensor::view(std::span<float>(window.state), std::array<std::int64_t, 3>{2, 2, 64});

  const auto done = model->run(window.in, window.out);

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::Code::internal);
}

TEST(OnnxModel, SaysThatAFileIsMissingOrNoModel) {
  const auto path = std::filesystem::path(testing::TempDir()) / "not_a_model.onnx";
  std::ofstream(path) << "hello";

  const auto missing = OnnxModel::load("/nowhere/model.onnx");
  const auto wrong = OnnxModel::load(path);

  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Code::unavailable);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, base::Code::bad_peer_data);
  EXPECT_EQ(wrong.error().where, path.string());
}

}  // namespace
}  // namespace millrace::inference
