# SPDX-License-Identifier: Apache-2.0
"""The embedded launcher with real processes and real signals: how they run and how they end."""

import os
import signal
import time

import pytest
from launch_world import (
    Launch,
    Terminal,
    assert_all_gone,
    make_package,
    noted_pids,
    notes,
    relatives,
    run,
    wait_until,
    write,
)

from robot_rl.launcher import cli
from robot_rl.launcher.console import Console
from robot_rl.launcher.service import Service


@pytest.fixture
def world(tmp_path, monkeypatch):
    yield make_package(tmp_path, monkeypatch)
    Launch.kill_all()


def test_output_is_passed_on_and_logged(world):
    path = write(world, "probe('a', 'say', 'one\\\\ntwo', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for(r'\[a-1\] twoready')
    os.killpg(launch.process.pid, signal.SIGINT)
    assert launch.finish() == 130
    assert '[a-1] one\n[a-1] twoready\n' in launch.seen
    assert (world / 'log' / 'a-1.log').read_text() == 'one\ntwoready\n'


def test_end_of_the_required_process_ends_all(world):
    path = write(world, "probe('a')", "probe('b', 'exit', '0', '0.3', on_exit=Shutdown())")
    status, output = run(path)
    assert status == 0
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert 'ERROR' not in output
    assert_all_gone(world)


def test_failure_is_named_with_its_code(world):
    path = write(world, "probe('a')", "probe('b', 'exit', '3', '0.3', on_exit=Shutdown())")
    status, output = run(path)
    assert status == 3
    last = output.strip().split('\n')[-1]
    assert last.startswith('[ERROR] [launch]: b-2: exit code 3; its output is in ')
    assert last.endswith('b-2.log')


def test_failure_without_shutdown_counts_at_the_end(world):
    status, output = run(write(world, "probe('a', 'exit', '0')", "probe('b', 'exit', '4')"))
    assert status == 4
    assert 'b-2: exit code 4' in output
    assert run(write(world, "probe('a', 'exit', '0')"))[0] == 0


def test_killed_process_is_named(world):
    path = write(world, "probe('a', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for('ready')
    os.kill(noted_pids(world)[0], signal.SIGKILL)
    assert launch.finish() == 128 + signal.SIGKILL
    assert 'a-1: ended by SIGKILL' in launch.seen


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_launcher_end_all_cleanly(world, number):
    launch = Launch(write(world, "probe('a')", "probe('b')"))
    launch.wait_for('(?s)ready.*ready')
    launch.process.send_signal(number)
    assert launch.finish() == 128 + number
    assert notes(world, 'a')[1:] == notes(world, 'b')[1:] == ['SIGINT']
    assert_all_gone(world)


def test_stubborn_process_gets_sigint_sigterm_sigkill(world):
    options = "sigterm_timeout='0.4', sigkill_timeout='0.4'"
    path = write(world, f"probe('a', 'stubborn', {options})", "probe('b')")
    launch = Launch(path)
    launch.wait_for('(?s)ready.*ready')
    start = time.monotonic()
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 1
    assert 0.7 < time.monotonic() - start < 4.0
    assert notes(world, 'a')[1:] == ['SIGINT', 'SIGTERM']
    assert 'after SIGINT: a-1: ended by SIGKILL' in launch.seen
    assert_all_gone(world)


def test_further_ctrl_c_does_not_wait(world):
    launch = Launch(write(world, "probe('a', 'stubborn')"))
    launch.wait_for('ready')
    start = time.monotonic()
    for pattern in ('SIGINT: shutting down', 'sending SIGTERM', 'sending SIGKILL'):
        launch.process.send_signal(signal.SIGINT)
        launch.wait_for(pattern)
    assert launch.finish() == 1
    assert time.monotonic() - start < 4.0


def test_unclean_end_after_ctrl_c(world):
    launch = Launch(write(world, "probe('a', 'obey', '7')"))
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 1
    assert 'after SIGINT: a-1: exit code 7' in launch.seen


def test_no_child_outlives_a_killed_launcher(world):
    launch = Launch(write(world, "probe('a', 'stubborn')", "probe('b')"))
    launch.wait_for('(?s)ready.*ready')
    wait_until(lambda: len(relatives(world)) == 3)
    launch.process.kill()
    launch.finish()
    assert_all_gone(world)


def test_what_a_node_leaves_behind_is_killed(world):
    path = write(world, "probe('a', 'grandchild', on_exit=Shutdown())")
    launch = Launch(path)
    launch.wait_for('ready')
    wait_until(lambda: b'sleep\x0060\x00' in relatives(world))
    os.kill(noted_pids(world)[0], signal.SIGKILL)
    launch.finish()
    assert_all_gone(world)


def test_launcher_in_the_background_still_hears_sigint(world):
    ignore = {'preexec_fn': lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    launch = Launch(write(world, "probe('a')"), **ignore)
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130


def test_ctrl_c_in_a_terminal(world):
    launch = Terminal(write(world, "probe('a', 'say', '\\\\r5 %\\\\rhalf\\\\n')"))
    launch.wait_for(r'\[a-1\] ready')
    os.write(launch.screen, b'\x03')  # Ctrl-C
    launch.wait_for('finished cleanly')
    assert launch.process.wait(5) == 130
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert '[a-1] half\r\n[a-1] ready\r\n' in launch.seen
    os.close(launch.screen)


def test_ctrl_z_does_not_stop_a_robots_launcher(world):
    options = {'start_new_session': False, 'process_group': 0}  # In no session SIGTSTP acts.
    launch = Launch(write(world, "probe('a')"), **options)
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGTSTP)
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish(5) == 130


def test_closed_terminal_ends_all(world):
    launch = Terminal(
        write(
            world,
            "probe('a')",
            "probe('b', 'stubborn', sigterm_timeout='0.3', sigkill_timeout='0.3')",
        )
    )
    launch.wait_for('(?s)ready.*ready')
    os.close(launch.screen)
    launch.process.wait(10)
    assert notes(world, 'a')[1:] == ['SIGINT']
    assert notes(world, 'b')[1:] == ['SIGINT', 'SIGTERM']
    assert_all_gone(world)


def test_mistake_in_the_launcher_leaves_no_child(world):
    class Broken(Console):
        def write(self, name, data):
            raise ZeroDivisionError

    context = cli.plan(write(world, "probe('a', 'stubborn')"), {})
    with pytest.raises(ZeroDivisionError):
        Service(context, Broken()).run()
    assert_all_gone(world)


def test_respawn_until_the_end(world):
    path = write(
        world,
        "probe('a', 'exit', '5', respawn=True, respawn_delay=0.1)",
        "probe('b')",
    )
    launch = Launch(path)
    launch.wait_for('(?s)(a-1.: process started.*){4}')
    launch.process.send_signal(signal.SIGINT)
    launch.finish()
    assert len([n for n in notes(world, 'a') if n.startswith('start')]) >= 3
    assert_all_gone(world)


def test_end_while_a_process_waits_for_its_next_run(world):
    path = write(world, "probe('a', 'exit', '5', respawn=True, respawn_delay=60.0)", "probe('b')")
    launch = Launch(path)
    launch.wait_for('(?s)(ready.*died|died.*ready)')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130


def test_on_exit_function_decides(world):
    before = """
    def ended(event, context):
        if event.returncode == 0:
            return [LogInfo(msg=f'{event.process_name} is done'), Shutdown(reason='done')]
    """
    script = world / 'prefix' / 'lib' / 'fake' / 'third'
    script.write_text(
        '#!/bin/sh\necho x >> "$NOTES/third"\n[ "$(wc -l < "$NOTES/third")" -ge 3 ]\n'
    )
    script.chmod(0o755)
    path = write(
        world,
        "probe('third', respawn=True, respawn_delay=0.05, on_exit=ended)",
        "probe('a')",
        before=before,
    )
    status, output = run(path)
    assert status == 0
    assert len(notes(world, 'third')) == 3
    assert '[launch.user]: third-1 is done' in output


def test_on_exit_may_start_another_node(world):
    path = write(
        world, "probe('a', 'exit', '0', on_exit=[probe('b', 'exit', '0', on_exit=Shutdown())])"
    )
    assert run(path)[0] == 0
    assert notes(world, 'b')


def test_mistake_in_on_exit_ends_all(world):
    path = write(
        world,
        "probe('a', 'exit', '0', on_exit=lambda event, context: 1 / 0)",
        "probe('b')",
    )
    status, output = run(path)
    assert status == 1
    assert 'ZeroDivisionError' in output
    assert_all_gone(world)


def test_process_that_cannot_start_ends_all(world):
    broken = world / 'prefix' / 'lib' / 'fake' / 'broken'
    broken.write_text('#!/no/such/interpreter\n')
    broken.chmod(0o755)
    status, output = run(write(world, "probe('a')", "probe('broken')"))
    assert status == 126
    assert 'broken-2]: cannot be started' in output
    assert_all_gone(world)


def test_log_on_a_full_disk_ends_alone(world):
    (world / 'log').mkdir()
    (world / 'log' / 'a-1.log').symlink_to('/dev/full')
    launch = Launch(write(world, "probe('a', 'say', 'x\\\\n')"))
    launch.wait_for('ready')
    launch.process.send_signal(signal.SIGINT)
    assert launch.finish() == 130
    assert 'No space left on device' in launch.seen
