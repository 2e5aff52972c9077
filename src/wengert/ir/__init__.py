"""What a program is."""

from wengert.ir import text as text
