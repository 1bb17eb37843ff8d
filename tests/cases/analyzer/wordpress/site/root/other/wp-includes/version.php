<?php
$other = 1;
