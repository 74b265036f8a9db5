from setuptools import Extension, setup

setup(ext_modules=[Extension("example_lz4._frame", ["src/example_lz4/_frame.c"], libraries=["lz4"])])
