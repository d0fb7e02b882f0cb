"""tools/check_banned with the rules as committed: each finds what it is for, and leaves the right code alone."""

import sys
import unittest

sys.dont_write_bytecode = True
import loading  # noqa: E402

check = loading.tool("check_banned")
RULES = check.read_rules((loading.TOOLS / "banned.toml").read_text())

# path, line, the rule that must report it
FORBIDDEN = [
    ("millrace/engine/shard.cpp", "#include <unistd.h>", "system-header"),
    ("nodes/gate/gate.cpp", "#include <sys/types.h>", "system-header"),
    ("nodes/vad/vad.cpp", "#include <onnxruntime_cxx_api.h>", "library-of-another-layer"),
    ("millrace/graph/plan.cpp", "#include <yaml-cpp/yaml.h>", "yaml-outside-manifest"),
    ("millrace/media/wav.cpp", 'std::printf("x");', "print"),
    ("millrace/media/wav.cpp", "std::exit(1);", "exit"),
    ("millrace/media/wav.cpp", "if (bad) abort();", "exit"),
    ("millrace/graph/plan.cpp", "throw 1;", "throw"),
    ("millrace/engine/shard.hpp", "std::mutex mutex_;", "raw-mutex"),
    ("millrace/engine/shard.hpp", "std::thread thread_;", "raw-thread"),
    ("millrace/policy/gate.cpp", "auto t = std::chrono::steady_clock::now();", "clock"),
    ("millrace/policy/gate.cpp", "std::random_device device;", "random"),
    ("millrace/engine/shard_test.cpp", "std::this_thread::sleep_for(1ms);", "sleep"),
    ("millrace/graph/plan.cpp", "auto* p = new Plan;", "new-delete"),
    ("millrace/graph/plan.cpp", "delete p;", "new-delete"),
    ("millrace/graph/plan.hpp", "std::shared_ptr<Plan> plan_;", "shared-without-reason"),
    ("millrace/graph/plan.cpp", "assert(ok);", "assert"),
    ("millrace/graph/plan.hpp", "using namespace std;", "using-namespace"),
    ("millrace/graph/plan.cpp", "// TO" "DO later", "bare-todo"),
    ("millrace/graph/plan_util.cpp", "", "empty-name"),
    ("millrace/graph/plan_v2.cpp", "", "empty-name"),
    ("millrace/graph/plan.hpp", "class PlanManager {", "empty-type-name"),
]

ALLOWED = [
    ("millrace/rt/platform/futex.cpp", "#include <unistd.h>"),
    ("millrace/inference/onnx_session.hpp", "#include <onnxruntime_cxx_api.h>"),
    ("apps/millrace/run.cpp", 'std::printf("x");'),
    ("millrace/media/wav.cpp", '// printf("x") would be wrong here'),
    ("millrace/media/wav.cpp", 'const char* text = "throw new";'),
    ("millrace/media/wav.hpp", "Wav(const Wav&) = delete;"),
    ("millrace/media/wav.cpp", "return std::unique_ptr<Wav>(new Wav(size));"),
    ("millrace/metrics/window.cpp", "const auto newest = number_at(now);"),
    ("millrace/engine/run.hpp", "void terminate() noexcept;"),
    ("millrace/engine/run.cpp", "run.abort();"),
    ("millrace/engine/shard.hpp", "std::thread::id owner_;"),
    ("millrace/graph/plan.hpp", "std::shared_ptr<const Plan> plan_;  // shared: outlives its pipeline"),
    ("millrace/graph/plan.cpp", "// TO" "DO(#12): drop when the alias is gone"),
    ("nodes/smart_turn/features.cpp", ""),
    ("millrace/graph/plan.cpp", "throw 1;  // banned-ok(throw): shown to be needed"),
]


def found(path, line):
    return [rule.id for _, rule in check.findings(path, line + "\n", RULES)]


class Rules(unittest.TestCase):
    def test_each_forbidden_line_is_reported_by_its_rule(self):
        for path, line, rule in FORBIDDEN:
            with self.subTest(rule=rule, line=line or path):
                self.assertIn(rule, found(path, line) if line else found(path, "int x;"))

    def test_the_right_code_is_left_alone(self):
        for path, line in ALLOWED:
            with self.subTest(line=line or path):
                self.assertEqual(found(path, line), [])

    def test_the_reason_for_sharing_may_stand_in_the_header(self):
        line = "std::shared_ptr<const Plan> plan;\n"
        self.assertEqual([*check.findings("millrace/graph/plan.cpp", line, RULES, "// shared: read by all\n")], [])

    def test_every_rule_says_why_and_what_instead(self):
        for rule in RULES:
            reason, _, instead = rule.advice.partition("; instead: ")
            self.assertTrue(reason and instead, rule.id)

    def test_line_numbers_survive_comments_and_raw_strings(self):
        text = '/* one\n two */\nauto s = R"(a\nthrow)";\nthrow 1;\n'
        self.assertEqual([(line, rule.id) for line, rule in check.findings("millrace/graph/a.cpp", text, RULES)],
                         [(5, "throw")])


if __name__ == "__main__":
    unittest.main()
