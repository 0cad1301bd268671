"""Benchmarks: django-rclone, other packages and shell pipelines, side by side.

    hatch run bench --size small
    hatch run bench --only postgresql --only media --remote s3 --rounds 5

``__main__`` has the options; ``works`` what is done; ``contenders`` and ``pipelines`` who
does it; ``measure`` and ``runner`` how it is measured; ``report`` and ``page`` what is shown.
"""
