#include "millrace/media/wav_header.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "millrace/base/limits.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/media/detail/wav_bytes_for_test.hpp"

namespace millrace::media {
namespace {

using convert::SampleFormat;
using detail::WavBytes;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The error as a user sees it, or "accepted".
std::string refusal(const WavBytes& bytes) {
  const auto header = parse_wav_header(bytes.view());
  if (header) return "accepted";
  EXPECT_EQ(header.error().code, base::Code::bad_peer_data);
  return header.error().text();
}

std::string refusal(const WavBytes::Fmt& fmt) {
  return refusal(WavBytes().riff().fmt(fmt).data(0));
}

TEST(WavHeader, ReadsPlain16BitPcm) {
  const auto header = parse_wav_header(WavBytes().riff().fmt().data(640).view());

  ASSERT_TRUE(header) << header.error().text();
  EXPECT_EQ(header->format, SampleFormat::s16);
  EXPECT_EQ(header->rate_hz, 16'000);
  EXPECT_EQ(header->channels, 1);
  EXPECT_EQ(header->data_offset, 44);
  EXPECT_EQ(header->data_bytes, 640);
}

TEST(WavHeader, Reads24BitAndFloat) {
  const WavBytes::Fmt pcm24{.tag = 1, .channels = 2, .rate_hz = 48'000, .bits = 24, .align = 6};
  const WavBytes::Fmt float32{.tag = 3, .channels = 8, .rate_hz = 8'000, .bits = 32, .align = 32};

  const auto first = parse_wav_header(WavBytes().riff().fmt(pcm24).data(0).view());
  const auto second = parse_wav_header(WavBytes().riff().fmt(float32).data(0).view());

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->format, SampleFormat::s24);
  EXPECT_EQ(second->format, SampleFormat::f32);
  EXPECT_EQ(second->frame_bytes(), 32U);
}

TEST(WavHeader, ReadsTheExtensibleForm) {
  const WavBytes::Fmt float32{.tag = 3, .channels = 1, .rate_hz = 44'100, .bits = 32, .align = 4};

  const auto header = parse_wav_header(WavBytes().riff().extensible(float32).data(8).view());

  ASSERT_TRUE(header) << header.error().text();
  EXPECT_EQ(header->format, SampleFormat::f32);
  EXPECT_EQ(header->data_offset, 12 + 48 + 8);
}

TEST(WavHeader, RefusesAnExtensibleFormItDoesNotKnow) {
  EXPECT_THAT(refusal(WavBytes().riff().extensible({}, 22, 0x72).data(0)),
              AllOf(HasSubstr("byte 44"), HasSubstr("unknown sub-format")));
  EXPECT_THAT(refusal(WavBytes().riff().extensible({}, 0).data(0)),
              HasSubstr("expected 40 with an extension of 22"));
  EXPECT_THAT(refusal(WavBytes::Fmt{.tag = 0xFFFE}), HasSubstr("fmt chunk of 16 bytes"));
}

TEST(WavHeader, SkipsOtherChunksAndTheirPadding) {
  const auto bytes =
      WavBytes().riff().chunk("LIST", "odd").chunk("bext", "").fmt().chunk("fact", "1234").data(2);

  const auto header = parse_wav_header(bytes.view());

  ASSERT_TRUE(header) << header.error().text();
  EXPECT_EQ(header->data_offset, static_cast<std::int64_t>(bytes.view().size()));
}

TEST(WavHeader, TakesTheSizeOfAStreamAsUnknown) {
  const auto header =
      parse_wav_header(WavBytes().riff(WavBytes::kStreamed).fmt().data(WavBytes::kStreamed).view());

  ASSERT_TRUE(header);
  EXPECT_EQ(header->data_bytes, std::nullopt);
}

TEST(WavHeader, TakesTheSizeOfAFileThatWasNeverFinishedAsUnknown) {
  const auto zero = parse_wav_header(WavBytes().riff(0).fmt().data(0).text("abcd").view());
  const auto fresh = parse_wav_header(WavBytes().riff(36).fmt().data(0).text("abcd").view());
  const auto empty =
      parse_wav_header(WavBytes().riff(48).fmt().data(0).chunk("LIST", "abcd").view());

  ASSERT_TRUE(zero && fresh && empty);
  EXPECT_EQ(zero->data_bytes, std::nullopt);
  EXPECT_EQ(fresh->data_bytes, std::nullopt);
  EXPECT_EQ(empty->data_bytes, 0);
}

TEST(WavHeader, SaysWhatElseTheFileIs) {
  EXPECT_THAT(refusal(WavBytes()), AllOf(HasSubstr("byte 0"), HasSubstr("file is empty")));
  EXPECT_THAT(refusal(WavBytes().text("OggS and more")), HasSubstr("starts with 'OggS'"));
  EXPECT_THAT(refusal(WavBytes().text("RF64....WAVE")), HasSubstr("expected 'RIFF'"));
  EXPECT_THAT(refusal(WavBytes().number(7, 4)), HasSubstr("starts with '" + std::string(4, '?')));
  EXPECT_THAT(refusal(WavBytes().text("RIFF....AVI ")),
              AllOf(HasSubstr("byte 8"), HasSubstr("'AVI '")));
}

TEST(WavHeader, RefusesEveryTruncationOfItself) {
  const auto whole = WavBytes().riff().chunk("LIST", "odd").extensible({}).data(2);

  for (std::size_t size = 0; size < whole.view().size(); ++size) {
    const auto header = parse_wav_header(whole.view().first(size));
    ASSERT_FALSE(header) << size << " bytes";
    EXPECT_THAT(header.error().text(), HasSubstr("byte ")) << size;
    EXPECT_THAT(header.error().text(), HasSubstr("expected")) << size;
  }
}

TEST(WavHeader, HoldsTheLimitOfChannels) {
  const std::uint32_t most = base::limits::kMaxChannels;

  EXPECT_EQ(refusal(WavBytes::Fmt{.channels = most, .align = 2 * most}), "accepted");
  EXPECT_THAT(refusal(WavBytes::Fmt{.channels = most + 1, .align = 2 * most + 2}),
              AllOf(HasSubstr("byte 22"), HasSubstr("9 channels, expected 1 to 8")));
  EXPECT_THAT(refusal(WavBytes::Fmt{.channels = 0, .align = 0}), HasSubstr("0 channels"));
  EXPECT_THAT(refusal(WavBytes::Fmt{.channels = 65'535}), HasSubstr("65535 channels"));
}

TEST(WavHeader, HoldsTheLimitsOfTheRate) {
  EXPECT_EQ(refusal(WavBytes::Fmt{.rate_hz = 8'000}), "accepted");
  EXPECT_EQ(refusal(WavBytes::Fmt{.rate_hz = 48'000}), "accepted");
  EXPECT_THAT(refusal(WavBytes::Fmt{.rate_hz = 7'999}),
              AllOf(HasSubstr("byte 24"), HasSubstr("rate 7999 Hz, expected 8000 to 48000")));
  EXPECT_THAT(refusal(WavBytes::Fmt{.rate_hz = 48'001}), HasSubstr("rate 48001"));
  EXPECT_THAT(refusal(WavBytes::Fmt{.rate_hz = 0}), HasSubstr("rate 0 Hz"));
  EXPECT_THAT(refusal(WavBytes::Fmt{.rate_hz = 0xFFFFFFFF}), HasSubstr("rate 4294967295 Hz"));
}

TEST(WavHeader, RefusesFormatsItCannotPlay) {
  EXPECT_THAT(refusal(WavBytes::Fmt{.tag = 7, .bits = 8, .align = 1}),
              AllOf(HasSubstr("byte 20"), HasSubstr("format tag 7, expected PCM")));
  EXPECT_THAT(refusal(WavBytes::Fmt{.bits = 8, .align = 1}),
              AllOf(HasSubstr("byte 34"), HasSubstr("PCM of 8 bits")));
  EXPECT_THAT(refusal(WavBytes::Fmt{.tag = 3, .bits = 64, .align = 8}),
              HasSubstr("float of 64 bits"));
  EXPECT_THAT(refusal(WavBytes::Fmt{.channels = 2, .align = 2}),
              AllOf(HasSubstr("byte 32"), HasSubstr("alignment of 2 bytes, expected 4")));
}

TEST(WavHeader, RefusesChunksOutOfOrder) {
  EXPECT_THAT(refusal(WavBytes().riff().data(0).fmt()),
              AllOf(HasSubstr("byte 12"), HasSubstr("'data' chunk comes first")));
  EXPECT_THAT(refusal(WavBytes().riff().fmt().fmt().data(0)), HasSubstr("second 'fmt ' chunk"));
  EXPECT_THAT(refusal(WavBytes().riff().text("fmt ").number(14, 4).text("12345678901234")),
              HasSubstr("fmt chunk of 14 bytes"));
}

TEST(WavHeader, RefusesChunksThatGoPastTheEnd) {
  EXPECT_THAT(refusal(WavBytes().riff().text("LIST").number(0xFFFFFFFF, 4).fmt().data(0)),
              AllOf(HasSubstr("byte 12"), HasSubstr("'LIST' of 4294967295 bytes")));
  EXPECT_THAT(refusal(WavBytes().riff().text("fmt ").number(0xFFFFFFFE, 4).fmt_fields({})),
              HasSubstr("inside the fmt chunk"));
}

TEST(WavHeader, GivesUpOnAFileFullOfEmptyChunks) {
  WavBytes bytes;
  bytes.riff();
  for (int i = 0; i < 1024; ++i) bytes.chunk("junk", "");

  EXPECT_THAT(refusal(bytes.fmt().data(0)), HasSubstr("more than 1024 chunks"));
}

TEST(WavHeader, ReadsAStreamOfUnknownLengthUpToItsFirstSample) {
  const auto bytes = WavBytes().riff().chunk("LIST", "odd").fmt().data(4).text("abcd");
  std::istringstream stream(
      std::string(reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()));

  const auto header = parse_wav_header(stream, std::nullopt);

  ASSERT_TRUE(header) << header.error().text();
  EXPECT_EQ(stream.tellg(), header->data_offset);
}

TEST(WavHeader, TellsTheEndOfAStreamFromAHugeChunk) {
  const auto bytes = WavBytes().riff().text("LIST").number(0xFFFFFFF0, 4).text("abcd");
  std::istringstream stream(
      std::string(reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()));

  const auto header = parse_wav_header(stream, std::nullopt);

  ASSERT_FALSE(header);
  EXPECT_THAT(header.error().message, HasSubstr("goes past the end"));
}

/// Whatever the bytes are, the answer is an error with its place, or a header inside the limits.
TEST(WavHeader, SurvivesMutationsOfValidFiles) {
  const WavBytes seeds[] = {
      WavBytes().riff().fmt().data(8).text("abcdefgh"),
      WavBytes().riff().chunk("LIST", "odd").extensible({}).chunk("fact", "1234").data(4),
      WavBytes().riff().fmt({.tag = 3, .channels = 2, .bits = 32, .align = 8}).data(0xFFFFFFFF)};
  constexpr std::uint64_t kSeed = 20261128;
  base::Rng rng(kSeed);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    WavBytes mutant = seeds[rng.below(std::size(seeds))];
    auto& bytes = mutant.bytes();
    for (std::uint64_t edits = rng.below(4) + 1; edits > 0 && !bytes.empty(); --edits) {
      const std::size_t at = rng.below(bytes.size());
      switch (rng.below(4)) {
        case 0: bytes[at] = static_cast<std::byte>(rng.next()); break;
        case 1: bytes[at] ^= static_cast<std::byte>(1U << rng.below(8)); break;
        case 2: bytes.resize(at); break;
        default: bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), std::byte{0xFF});
      }
    }
    const auto header = parse_wav_header(mutant.view());
    if (!header) {
      ASSERT_EQ(header.error().code, base::Code::bad_peer_data) << "seed " << kSeed;
      ASSERT_EQ(header.error().where.substr(0, 5), "byte ") << "round " << round;
      continue;
    }
    ++accepted;
    ASSERT_TRUE(header->channels >= 1 && header->channels <= base::limits::kMaxChannels);
    ASSERT_TRUE(header->rate_hz >= base::limits::kMinRateHz &&
                header->rate_hz <= base::limits::kMaxRateHz);
    ASSERT_LE(header->data_offset, static_cast<std::int64_t>(bytes.size())) << "round " << round;
  }
  EXPECT_GT(accepted, 1000) << "mutations that all fail early test nothing behind it";
}

}  // namespace
}  // namespace millrace::media
