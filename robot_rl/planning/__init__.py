# SPDX-License-Identifier: Apache-2.0
"""Motions of an arm from one posture to another, checked against itself and its surroundings."""
