<?php
class A { /* Version: 1 */ }
