# SPDX-License-Identifier: Apache-2.0
"""The one exception that a user causes and reads."""


class InputError(ValueError):
    """Bad input: names the file, key, topic or joint, and what was expected.

    Executables print its text as one line and exit with status 2, without a traceback.
    """
