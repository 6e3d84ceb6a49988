"""Synthetic patients with stories, for trying things out and for tests."""

from pollux.demo.files import write
from pollux.demo.life import Diary, Story, live
from pollux.demo.stories import STORIES, starts

__all__ = ["STORIES", "Diary", "Story", "live", "starts", "write"]
