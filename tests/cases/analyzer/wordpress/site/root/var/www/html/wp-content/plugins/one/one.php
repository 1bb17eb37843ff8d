<?php /* plugin name: One */
